import type { MkEvent, Progress } from "@mk/core";
import type { Output } from "../terminal/output.js";
import type { Palette } from "../terminal/palette.js";
import { formatBytes, formatDuration } from "../terminal/units.js";
import { truncate } from "../terminal/width.js";
import { noteText } from "./note-text.js";
import type { Renderer } from "./renderer.js";
import { selectionLines } from "./selection.js";
import { sentence } from "./sentence.js";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;
/** Steps that end sooner leave no line behind. */
const WORTH_A_LINE_MS = 300;

interface ActiveStep {
  readonly title: string;
  readonly startedAt: number;
  readonly depth: number;
  progress?: Progress;
}

/** Steps that are done stay as lines; those under way are redrawn below them, with a spinner, their amount and their rate. */
export function terminalRenderer(output: Output, palette: Palette, now: () => number = Date.now): Renderer {
  const active = new Map<string, ActiveStep>();
  let drawn = 0;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  let open = true;

  const erase = () => (drawn === 0 ? "" : `\r\u001b[${drawn}A\u001b[J`);
  const draw = (permanent?: string) => {
    const steps = [...active.values()];
    const lines = steps.map((step) => activeLine(step, FRAMES[frame % FRAMES.length] ?? "", output.columns));
    output.write(
      erase() + (permanent === undefined ? "" : `${permanent}\n`) + lines.map((line) => `${line}\n`).join(""),
    );
    drawn = lines.length;
    if (steps.length > 0) {
      timer ??= setInterval(() => {
        frame++;
        draw();
      }, FRAME_MS).unref();
    } else if (timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  };
  const activeLine = (step: ActiveStep, spinner: string, columns: number): string => {
    const seconds = (now() - step.startedAt) / 1000;
    const text = truncate(
      `${"  ".repeat(step.depth)}${step.title}${amount(step.progress, seconds)}`,
      Math.max(10, columns - 10),
    );
    return `${palette.cyan(spinner)} ${text} ${seconds >= 1 ? palette.dim(`${Math.floor(seconds)} s`) : ""}`.trimEnd();
  };

  return {
    event({ data }: MkEvent) {
      if (!open) return;
      switch (data.type) {
        case "step.started": {
          const parent = data.parent === undefined ? undefined : active.get(data.parent);
          active.set(data.step, {
            title: sentence(data.title),
            startedAt: now(),
            depth: parent === undefined ? 0 : parent.depth + 1,
          });
          draw();
          break;
        }
        case "step.progress": {
          const step = active.get(data.step);
          // Drawn with the next frame: transfers report far more often than eyes can follow.
          if (step !== undefined) step.progress = data.progress;
          break;
        }
        case "step.finished":
        case "step.failed": {
          const step = active.get(data.step);
          active.delete(data.step);
          if (step === undefined) break;
          if (data.type === "step.finished" && data.durationMs < WORTH_A_LINE_MS) {
            draw();
            break;
          }
          const sign = data.type === "step.failed" ? palette.red("✗") : palette.green("✓");
          const line = `${sign} ${"  ".repeat(step.depth)}${step.title} ${palette.dim(formatDuration(data.durationMs))}`;
          draw(line);
          break;
        }
        case "driver.selected":
          draw(`${palette.green("✓")} ${selectionLines(data, palette)}`);
          break;
        case "note":
          draw(data.level === "warning" ? `${palette.yellow("!")} ${noteText(data)}` : `  ${sentence(noteText(data))}`);
          break;
        case "undo.started":
          draw(palette.yellow("↶ Undoing what was done"));
          break;
        default:
      }
    },
    close() {
      if (!open) return;
      open = false;
      clearInterval(timer);
      output.write(erase());
      drawn = 0;
    },
  };
}

/** ` 34.1 MB of 120 MB, 5.6 MB/s` */
function amount(progress: Progress | undefined, seconds: number): string {
  if (progress === undefined) return "";
  const { done, total, unit } = progress;
  const show = (value: number) => (unit === "bytes" ? formatBytes(value) : String(value));
  const of = total === undefined ? "" : ` of ${show(total)}`;
  const rate = unit === "bytes" && seconds >= 0.5 ? `, ${formatBytes(done / seconds)}/s` : "";
  return ` ${show(done)}${of}${rate}`;
}
