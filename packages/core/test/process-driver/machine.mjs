// The "machine" of the process driver: a real process that owns a socket, as a hypervisor owns its monitor's.
// argv: machine directory, socket path, token, boot mode.
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const [directory, socket, token, mode] = process.argv.slice(2);
const consoleFile = join(directory, "console.log");
const say = (text) => appendFileSync(consoleFile, `mk-guest: ${text}\n`);
const end = () => {
  rmSync(socket, { force: true });
  process.exit(0);
};

const shutDown = () => {
  if (mode === "ignores-shutdown") return;
  if (mode !== "shuts-down-slowly") end();
  say("shutdown uptime=1.00");
  setTimeout(end, 1_000);
};

let state = "running";
const server = createServer((connection) => {
  connection.on("error", () => undefined);
  connection.on("data", (data) => {
    const command = String(data);
    if (command === "pause") state = "paused";
    if (command === "resume") state = "running";
    if (command === "pid") connection.end(String(process.pid));
    else if (command !== "shutdown") connection.end(state);
    // A guest that is paused sees no power button.
    else if (state === "running") shutDown();
  });
});
server.listen(socket, () => {
  // Whoever started this machine may have been killed, and the next mk have started another since: then this one was never there.
  try {
    if (JSON.parse(readFileSync(join(directory, "record.json"), "utf8")).token !== token) end();
  } catch {
    end();
  }
  if (mode === "silent") return;
  say("init uptime=0.10");
  say('network uptime=0.20 ip=127.0.0.1 note="a b"');
  if (mode === "fails") say('failed uptime=0.30 service=dockerd reason="no space left"');
  if (mode === "dies") end();
  say("ssh uptime=0.30");
  say("engine uptime=0.40");
  say("ready uptime=0.50");
});
