import type { Output } from "../terminal/output.js";
import type { Renderer } from "./renderer.js";

/** One CloudEvents JSON a line. */
export function jsonRenderer(output: Output): Renderer {
  let open = true;
  return {
    event(event) {
      if (open) output.line(JSON.stringify(event));
    },
    close() {
      open = false;
    },
  };
}
