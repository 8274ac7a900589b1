import type { Output } from "../terminal/output.js";
import type { Palette } from "../terminal/palette.js";
import { formatBytes, formatDuration } from "../terminal/units.js";
import type { Renderer } from "./renderer.js";
import { selectionLine } from "./selection.js";

/** A line when a step begins, one for each quarter of a long transfer, and one when it fails: for logs and pipes. */
export function plainRenderer(output: Output, palette: Palette): Renderer {
  const titles = new Map<string, string>();
  const quarters = new Map<string, number>();
  let open = true;
  return {
    event({ data }) {
      if (!open) return;
      switch (data.type) {
        case "step.started":
          titles.set(data.step, data.title);
          output.line(data.title);
          break;
        case "step.progress": {
          const { done, total, unit } = data.progress;
          if (total === undefined || total === 0) break;
          const quarter = Math.floor((done / total) * 4);
          if (quarter <= (quarters.get(data.step) ?? 0)) break;
          quarters.set(data.step, quarter);
          const amount = unit === "bytes" ? formatBytes(total) : String(total);
          if (quarter < 4) output.line(`  ${titles.get(data.step) ?? data.step}: ${quarter * 25} % of ${amount}`);
          break;
        }
        case "step.failed":
          output.line(
            `${palette.red("failed:")} ${titles.get(data.step) ?? data.step} (${formatDuration(data.durationMs)})`,
          );
          break;
        case "driver.selected":
          output.line(selectionLine(data));
          break;
        case "note":
          output.line(data.level === "warning" ? `${palette.yellow("warning:")} ${data.message}` : data.message);
          break;
        case "undo.started":
          output.line("Undoing what was done");
          break;
        default:
      }
    },
    close() {
      open = false;
    },
  };
}
