#!/usr/bin/env node
import { enableCompileCache } from "./compile-cache.js";
import { version } from "./version.js";

// Answered before anything else is loaded: scripts and prompts ask for the version often.
if (process.argv.length === 3 && (process.argv[2] === "--version" || process.argv[2] === "-V")) {
  process.stdout.write(`${version}\n`);
} else {
  enableCompileCache();
  const { runProcess } = await import("./run-process.js");
  await runProcess();
}
