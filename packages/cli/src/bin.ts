#!/usr/bin/env node

/** Written in by the bundler. */
declare const MK_VERSION: string;

// Answered before anything else is loaded: scripts and prompts ask for the version often.
if (process.argv.length === 3 && (process.argv[2] === "--version" || process.argv[2] === "-V")) {
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    // A reader that is gone has no use for it.
    if (code === "EPIPE") return;
    process.exitCode = 13;
    process.stderr.write(`mk: the output could not be written: ${message}\n`);
  });
  process.stdout.write(`${MK_VERSION}\n`);
} else {
  // Node 22 and later keep compiled code between runs.
  const { enableCompileCache } = (await import("node:module")) as { enableCompileCache?: () => void };
  enableCompileCache?.();
  const { runProcess } = await import("./run-process.js");
  await runProcess();
}
