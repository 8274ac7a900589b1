// Takes a lock again and again and is sometimes killed while it holds it, breaks it or waits. argv: directory, sections, seed.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createNodeHost } from "../../src/host/node-host.js";
import { acquireLock } from "../../src/store/lock.js";
import { seededRandom } from "../random.js";

const [directory = "", sections = "0", seed = "0"] = process.argv.slice(2);
const inside = `${directory}/inside`;
const { processes } = createNodeHost();
const signal = new AbortController().signal;
const random = seededRandom(Number(seed));

/** Whether the process has a thread left that could do something: a zombie that waits for its parent has not. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] !== "Z" || Number(fields[17]) > 1;
  } catch {
    return false;
  }
}

for (let section = 0; section < Number(sections); section++) {
  // At any moment, whatever it does then.
  const doomed = random() < 0.3 ? setTimeout(() => process.kill(process.pid, "SIGKILL"), random() * 20) : undefined;
  const lock = await acquireLock(`${directory}/one.lock`, { processes, command: "mk stress", waitMs: 60_000, signal });
  try {
    writeFileSync(inside, String(process.pid), { flag: "wx" });
  } catch {
    const other = Number(readFileSync(inside, "utf8"));
    if (other !== 0 && other !== process.pid && isAlive(other)) {
      process.stdout.write(`violation: ${process.pid} and ${other}\n`);
      process.exit(3);
    }
    writeFileSync(inside, String(process.pid));
  }
  if (random() < 0.5) await sleep(random() * 4);
  if (readFileSync(inside, "utf8") !== String(process.pid)) {
    process.stdout.write(`violation: ${process.pid} was not alone\n`);
    process.exit(3);
  }
  rmSync(inside);
  await lock.release();
  clearTimeout(doomed);
  process.stdout.write("section\n");
}
