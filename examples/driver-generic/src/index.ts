import { defineDriver, type Host, MkError, type Operation } from "@mk/core";

interface Config {
  readonly version: 1;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly key: string | null;
}

/** A machine that already exists: mk attaches to it and lets go of it, and never powers it on or off. */
export default defineDriver({
  name: "generic",
  aliases: ["ssh"],
  summary: "a machine that already exists, reached over SSH",
  priority: "discouraged",
  autoSelect: false,
  traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
  options: {
    ipAddress: {
      type: "string",
      default: "127.0.0.1",
      pattern: /^[\w.:-]+$/,
      describe: "address or name of the machine",
    },
    sshPort: { type: "integer", default: 22, min: 1, max: 65535, describe: "its SSH port" },
    sshUser: { type: "string", default: "root", describe: "user to log in as" },
    sshKey: { type: "string", describe: "private key; default ~/.ssh/id_ed25519" },
  },
  status: async () => ({ status: "ready" }),
  createConfig: (_spec, { ipAddress, sshPort, sshUser, sshKey }): Config => ({
    version: 1,
    host: ipAddress,
    port: sshPort,
    user: sshUser,
    key: sshKey ?? null,
  }),
  parseConfig(raw): Config {
    const { version, host, port, user, key } = (raw ?? {}) as Partial<Config>;
    if (Number(version) > 1) {
      throw new MkError("STATE_TOO_NEW", "the stored configuration is one of a later version of this driver", {
        hint: "Update mk-driver-generic.",
      });
    }
    if (
      version === 1 &&
      typeof host === "string" &&
      typeof port === "number" &&
      typeof user === "string" &&
      (key === null || typeof key === "string")
    )
      return { version, host, port, user, key };
    throw new MkError("CONFIG_CORRUPT", "the stored configuration is not one this driver wrote", {
      hint: "Delete the machine and start it anew.",
    });
  },
  createDriver({ host: address, port, user, key }, { host, record }) {
    /** The boot of this computer in which mk attached itself, or false when it has let go; undefined: there is no such machine. */
    const attached = async () => ((await record.read()) as { attached?: string | false } | null | undefined)?.attached;
    const detach = async ({ signal }: Operation) => {
      signal.throwIfAborted();
      await record.write({ attached: false });
    };
    return {
      async inspect({ signal }) {
        const boot = await attached();
        if (boot === undefined) return { state: "absent" };
        return boot === (await host.bootId()) && (await answers(host, address, port, signal))
          ? { state: "running" }
          : { state: "stopped" };
      },
      create: (op) =>
        op.step("register", `registering ${address}`, async () => {
          op.undo(() => record.write({}));
          await detach(op);
        }),
      start: (op) =>
        op.step("attach", `connecting to ${address}`, async () => {
          if (!(await answers(host, address, port, op.signal))) {
            throw new MkError("NETWORK_FAILED", `${address} does not answer on port ${port}`, {
              hint: "Power it on, and check --generic-ip-address and --generic-ssh-port.",
            });
          }
          await record.write({ attached: await host.bootId() });
        }),
      stop: detach,
      kill: detach,
      remove: async (op) => {
        op.signal.throwIfAborted();
        await record.write({});
      },
      access: async () => ({
        via: "ssh",
        host: address,
        port,
        user,
        identityFile: key ?? `${host.homeDirectory}/.ssh/id_ed25519`,
        hostKey: "first-use",
      }),
      endpoint: async (guestPort) => ({ host: address, port: guestPort === 22 ? port : guestPort }),
    };
  },
});

async function answers(host: Host, address: string, port: number, signal: AbortSignal): Promise<boolean> {
  try {
    (await host.network.connect({ host: address, port }, signal)).destroy();
    return true;
  } catch (error) {
    if (MkError.is(error, "NETWORK_FAILED")) return false;
    throw error;
  }
}
