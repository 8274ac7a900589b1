import { type CAC, type Command as CacCommand, cac } from "cac";
import type { Command } from "./context.js";

/** Loads a command's code; only the command that is called is loaded. */
export type LoadCommand = () => Promise<Command>;

/** How a declared command is run: the process gives it its context, tests look at what it would be given. */
export type Invoke = (
  load: LoadCommand,
  args: readonly (string | undefined)[],
  flags: Record<string, unknown>,
) => unknown;

/** Words whose second word is part of the command: `driver list` is declared as `driver:list`. */
export const COMMAND_GROUPS = ["driver", "config", "image"] as const;

/** Every command and flag of mk. Help, completion and docs/cli.md are made from what is declared here. */
export function declare(invoke: Invoke): CAC {
  const cli = cac("mk");
  cli.option("-p, --profile <name>", "machine to work on (default: mk; also MK_PROFILE)");
  cli.option("-o, --output <format>", "text or json");
  cli.option("-q, --quiet", "print results and errors only");
  cli.option("--no-color", "no colours (also NO_COLOR)");
  cli.option("-h, --help", "show help");
  cli.option("-V, --version", "print the version of mk");

  const command = (raw: string, summary: string, load: LoadCommand): CacCommand =>
    cli.command(raw, summary).action((...given: unknown[]) => {
      const flags = given.pop() as Record<string, unknown>;
      // What may be repeated comes first everywhere, and cac's list of it has all that stands behind it too.
      const [first] = given;
      return invoke(load, (Array.isArray(first) ? first : given) as (string | undefined)[], flags);
    });

  command(
    "start [name]",
    "create a machine, or start an existing one",
    async () => (await import("./commands/start.js")).start,
  )
    .option("-d, --driver <name>", "driver for a new machine (also MK_DRIVER; see mk driver list)")
    .option("-c, --cpus <number>", "CPUs")
    .option("-m, --memory <size>", "memory, for example 4g; MiB without a unit")
    .option("--disk-size <size>", "size of the data disk, for example 20g")
    .option("--arch <name>", "architecture of the guest: amd64 or arm64")
    .option("--image <digest>", "guest image to boot (see mk image list)")
    .option("--mount <host:guest[:ro]>", "directory of the host to share; may be repeated", { type: [String] })
    .option("-P, --port <[addr:]host:guest>", "port of the guest to publish; may be repeated", { type: [String] })
    .option("--allow <cost>", "what changes to an existing machine may cost: live, restart or recreate")
    .option("--dry-run", "show what would change in an existing machine and do nothing")
    .option("--timeout <seconds>", "give up after this time")
    .example("mk start --driver=qemu --cpus=4 --memory=4g")
    .example("mk start --driver=qemu --help    # with the driver's own options");
  command("stop [...name]", "power a machine off", async () => (await import("./commands/stop.js")).stop)
    .option("-a, --all", "all machines that run")
    .option("-f, --force", "cut the power at once")
    .option("--timeout <seconds>", "give up after this time");
  command(
    "restart [...name]",
    "stop a machine and start it again",
    async () => (await import("./commands/restart.js")).restart,
  ).option("--timeout <seconds>", "give up after this time");
  command(
    "delete [...name]",
    "remove a machine and its data",
    async () => (await import("./commands/delete.js")).deleteMachine,
  )
    .alias("rm")
    .option("-a, --all", "all machines")
    .option("--forget", "drop mk's own files even if the driver is not installed")
    .option("--timeout <seconds>", "give up after this time");
  command("pause [name]", "freeze a running machine", async () => (await import("./commands/pause.js")).pause);
  command("resume [name]", "let a paused machine go on", async () => (await import("./commands/resume.js")).resume);
  command("status [name]", "show the state of a machine", async () => (await import("./commands/status.js")).status);
  command("list", "list all machines", async () => (await import("./commands/list.js")).list).alias("ls");
  command(
    "ssh [name]",
    "open a shell in a machine, or run a command in it",
    async () => (await import("./commands/ssh.js")).ssh,
  )
    .option("-t, --tty", "give the command a terminal")
    .example("mk ssh -- uname -a");
  command(
    "cp <...source> <target>",
    "copy files to or from a machine",
    async () => (await import("./commands/cp.js")).cp,
  )
    .option("-r, --recursive", "directories are copied whole, with or without it")
    .example("mk cp ./data mk:/home/mk/data")
    .example("mk cp :/etc/os-release .");
  command("ip [name]", "print the machine's address", async () => (await import("./commands/ip.js")).ip);
  command(
    "endpoint <port>",
    "print where the host reaches a port of the machine",
    async () => (await import("./commands/endpoint.js")).endpoint,
  );
  command(
    "port-forward <...port>",
    "forward ports of the host to the machine until Ctrl-C",
    async () => (await import("./commands/port-forward.js")).portForward,
  ).example("mk port-forward 8080:80");
  command(
    "env [name]",
    "print what the host's docker client needs",
    async () => (await import("./commands/env.js")).env,
  )
    .option("-s, --shell <name>", "sh, fish or powershell (default: the one in use)")
    .option("-u, --unset", "take it back")
    .example('eval "$(mk env)"');
  command(
    "ssh-config [name]",
    "print an OpenSSH configuration for the machine",
    async () => (await import("./commands/ssh-config.js")).sshConfig,
  ).example("mk ssh-config > mk.conf && ssh -F mk.conf mk");
  command("logs [name]", "show the machine's console", async () => (await import("./commands/logs.js")).logs)
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --lines <number>", "only the last lines");

  command(
    "driver:list",
    "list drivers, found and skipped",
    async () => (await import("./commands/driver-list.js")).driverList,
  ).alias("driver:ls");
  command(
    "driver:info <driver>",
    "show a driver, its state here and its options",
    async () => (await import("./commands/driver-info.js")).driverInfo,
  );
  command(
    "driver:add <...package>",
    "install drivers into mk's own home",
    async () => (await import("./commands/driver-add.js")).driverAdd,
  );
  command(
    "driver:remove <...driver>",
    "remove drivers from mk's own home",
    async () => (await import("./commands/driver-remove.js")).driverRemove,
  ).alias("driver:rm");
  command(
    "driver:update [...driver]",
    "update drivers in mk's own home",
    async () => (await import("./commands/driver-update.js")).driverUpdate,
  );
  command(
    "driver:doctor",
    "find drivers installed where mk does not look",
    async () => (await import("./commands/driver-doctor.js")).driverDoctor,
  );

  command(
    "config:list",
    "list your settings",
    async () => (await import("./commands/config-list.js")).configList,
  ).alias("config:ls");
  command("config:get <setting>", "print a setting", async () => (await import("./commands/config-get.js")).configGet);
  command(
    "config:set <setting> <value>",
    "change a setting",
    async () => (await import("./commands/config-set.js")).configSet,
  )
    .example("mk config set driver qemu")
    .example("mk config set qemu.accelerator tcg");
  command(
    "config:unset <setting>",
    "go back to the default",
    async () => (await import("./commands/config-unset.js")).configUnset,
  );

  command("image:build", "build the guest image", async () => (await import("./commands/image-build.js")).imageBuild)
    .option("--arch <name>", "amd64 or arm64 (default: this computer's)")
    .option("--mirror <url>", "Debian mirror to download from (also MK_DEBIAN_MIRROR)");
  command("image:list", "list guest images", async () => (await import("./commands/image-list.js")).imageList).alias(
    "image:ls",
  );
  command(
    "image:info <digest>",
    "show a guest image",
    async () => (await import("./commands/image-info.js")).imageInfo,
  );
  command(
    "image:remove <...digest>",
    "remove guest images",
    async () => (await import("./commands/image-remove.js")).imageRemove,
  ).alias("image:rm");

  command(
    "doctor [driver]",
    "say what is missing, per driver",
    async () => (await import("./commands/doctor.js")).doctor,
  )
    .option("--fix", "install what is missing, after showing the command")
    .option("-y, --yes", "do not ask");
  command(
    "completion <shell>",
    "print a completion script: bash, zsh, fish or powershell",
    async () => (await import("./commands/completion.js")).completion,
  ).example("source <(mk completion bash)");
  command("version", "print versions", async () => (await import("./commands/version.js")).printVersion);
  command("help [...command]", "show help", async () => (await import("./commands/help.js")).help);
  return cli;
}
