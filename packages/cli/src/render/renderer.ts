import type { MkEvent } from "@mk/core";
import type { Output } from "../terminal/output.js";
import { createPalette, wantsColors } from "../terminal/palette.js";
import { jsonRenderer } from "./json.js";
import { plainRenderer } from "./plain.js";
import { terminalRenderer } from "./terminal.js";

/** Shows the events of operations. All renderers consume the same stream. */
export interface Renderer {
  event(event: MkEvent): void;
  /** Ends the display; events after it are dropped. */
  close(): void;
}

export interface RendererOptions {
  readonly output: "text" | "json";
  readonly quiet: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly colors: boolean;
}

/** JSON lines on standard output; progress for people on standard error, live on a terminal and line by line elsewhere and in CI. */
export function createRenderer(options: RendererOptions): Renderer {
  const { output, quiet, stdout, stderr, env } = options;
  if (output === "json") return jsonRenderer(stdout);
  if (quiet) return { event() {}, close() {} };
  const palette = createPalette(wantsColors(stderr.isTerminal, env, options.colors));
  const live = stderr.isTerminal && env.TERM !== "dumb" && !env.CI;
  return live ? terminalRenderer(stderr, palette) : plainRenderer(stderr, palette);
}
