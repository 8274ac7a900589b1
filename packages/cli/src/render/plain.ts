import type { Output } from "../terminal/output.js";
import type { Palette } from "../terminal/palette.js";
import { formatBytes, formatDuration } from "../terminal/units.js";
import { noteText } from "./note-text.js";
import type { Renderer } from "./renderer.js";
import { selectionLines } from "./selection.js";
import { sentence } from "./sentence.js";

/** Steps that end sooner are not worth a line of a log. */
const WORTH_A_LINE_MS = 300;

interface PlainStep {
  readonly title: string;
  readonly timer: NodeJS.Timeout;
  quarter: number;
}

/** A line for each step that takes a while, one for each quarter of a long transfer, and one when a step fails: for logs and pipes. */
export function plainRenderer(output: Output, palette: Palette): Renderer {
  const steps = new Map<string, PlainStep>();
  let open = true;

  const end = (step: string): void => {
    clearTimeout(steps.get(step)?.timer);
    steps.delete(step);
  };
  return {
    event({ data }) {
      if (!open) return;
      switch (data.type) {
        case "step.started": {
          const title = sentence(data.title);
          const timer = setTimeout(() => output.line(title), WORTH_A_LINE_MS).unref();
          steps.set(data.step, { title, timer, quarter: 0 });
          break;
        }
        case "step.progress": {
          const step = steps.get(data.step);
          const { done, total, unit } = data.progress;
          if (step === undefined || total === undefined || total === 0) break;
          const quarter = Math.min(4, Math.floor((done / total) * 4));
          // The end of a step is not told, so neither is its last quarter.
          if (quarter > step.quarter && quarter < 4 && isLong(total, unit)) {
            output.line(`  ${quarter * 25} % of ${unit === "bytes" ? formatBytes(total) : total}`);
          }
          step.quarter = quarter;
          break;
        }
        case "step.finished":
          end(data.step);
          break;
        case "step.failed": {
          const title = steps.get(data.step)?.title ?? data.step;
          end(data.step);
          output.line(`${palette.red("Failed:")} ${title} (${formatDuration(data.durationMs)})`);
          break;
        }
        case "driver.selected":
          output.line(selectionLines(data, palette));
          break;
        case "note":
          output.line(
            data.level === "warning" ? `${palette.yellow("Warning:")} ${noteText(data)}` : sentence(noteText(data)),
          );
          break;
        case "undo.started":
          output.line("Undoing what was done");
          break;
        default:
      }
    },
    close() {
      open = false;
      for (const step of steps.keys()) end(step);
    },
  };
}

/** Below this a transfer is over before its quarters could be read. */
function isLong(total: number, unit: "bytes" | "items" | undefined): boolean {
  return unit === "bytes" && total >= 20_000_000;
}
