import type { EventData } from "@mk/core";
import type { Palette } from "../terminal/palette.js";

/** The choice of a driver, `Using driver qemu (default, before docker)`, and a line for each that cannot be used, with what to do about it. */
export function selectionLines(data: Extract<EventData, { type: "driver.selected" }>, palette: Palette): string {
  const rejects = data.rejects.map(({ driver, reason, fix }) =>
    palette.dim(`  ${driver}: ${reason}${fix === undefined ? "" : `. ${fix}`}`),
  );
  return [`Using driver ${data.driver} (${data.why})`, ...rejects].join("\n");
}
