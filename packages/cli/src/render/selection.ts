import type { EventData } from "@mk/core";

/** The choice of a driver in one line: `Using driver qemu (default, before docker)`. */
export function selectionLine(data: Extract<EventData, { type: "driver.selected" }>): string {
  return `Using driver ${data.driver} (${data.why})`;
}
