import { readFile } from "node:fs/promises";
import { MkError } from "../errors.js";

export type RunTool = (file: string, args: readonly string[]) => Promise<string>;

const LINUX_BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** An opaque value that changes with each boot of this computer. `run` answers a program's standard output. */
export async function readBootId(platform: NodeJS.Platform, run: RunTool): Promise<string> {
  try {
    switch (platform) {
      case "linux":
        return nonEmpty(await readFile(LINUX_BOOT_ID, "utf8"));
      case "win32":
        return nonEmpty(
          await run("powershell", [
            "-NoProfile",
            "-NonInteractive",
            "-Command",
            "(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToFileTimeUtc()",
          ]),
        );
      default:
        // Since macOS 10.12: unlike kern.boottime it does not move when the clock is set.
        return nonEmpty(await run("sysctl", ["-n", "kern.bootsessionuuid"]));
    }
  } catch (error) {
    throw new MkError("INTERNAL", "cannot tell when this computer was started", { cause: error });
  }
}

function nonEmpty(text: string): string {
  const id = text.trim();
  if (id === "") throw new Error("the boot id is empty");
  return id;
}
