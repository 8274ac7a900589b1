import type { Program } from "@mk/conformance";

/** A stand-in hypervisor: `vm <disk> <socket> <console>` boots, answers on a unix socket, and shuts down on SIGTERM. */
export const vm: Program = async (process) => {
  const [disk = "", socket = "", console = ""] = process.args;
  if ((await process.host.files.stat(disk)) === undefined) {
    process.complain(`vm: cannot open ${disk}\n`);
    return 1;
  }
  process.listen({ path: socket }, (stream) => stream.end("running\n"));
  process.on("SIGTERM", async () => {
    await process.delay(500);
    await process.host.files.remove(socket);
    process.exit(0);
  });
  process.host.files.append(console, "mk-guest: init uptime=0.1\n");
  await process.delay(2_000);
  process.host.files.append(console, "mk-guest: ready uptime=2.1\n");
  await process.forever();
};
