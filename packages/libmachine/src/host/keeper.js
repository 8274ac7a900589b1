// Runs as a process of its own beside a plugin, plain JavaScript so that it starts from the sources too. Arguments: the plugin's
// host, port and process group, then two hexadecimal texts: what a Go RPC client sends with its first heartbeat and with every other.
//
// A plugin ends itself after 10 s without a heartbeat, even in the middle of a Create. mk itself may be stopped (Ctrl-Z) or have its event
// loop blocked for longer; this process is in no terminal's foreground group and beats on. When mk is gone, which shows as the end of
// standard input, it ends the plugin: its open connection proves that the plugin's process is still the one it was started for.
import { connect } from "node:net";

const [host, port, group, first, next] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) });
let isOpen = true;
let beat;

socket.once("connect", () => socket.write("CONNECT /_goRPC_ HTTP/1.0\n\n"));
socket.once("data", () => {
  socket.write(Buffer.from(first, "hex"));
  beat = setInterval(() => socket.write(Buffer.from(next, "hex")), 3000);
});
// Answers are all the same and not looked at.
socket.resume();
socket.on("error", () => socket.destroy());
socket.on("close", () => {
  isOpen = false;
  clearInterval(beat);
});

const signalGroup = (signal) => {
  try {
    // Windows has no process groups.
    process.kill(process.platform === "win32" ? Number(group) : -Number(group), signal);
  } catch {
    // It is gone already, or it is a signal that Windows does not know.
  }
};

process.stdin.resume();
process.stdin.on("error", () => process.stdin.destroy());
process.stdin.on("close", () => {
  if (!isOpen) process.exit();
  signalGroup("SIGTERM");
  signalGroup("SIGCONT");
  socket.on("close", () => process.exit());
  setTimeout(() => {
    if (isOpen) signalGroup("SIGKILL");
    process.exit();
  }, 1000);
});
