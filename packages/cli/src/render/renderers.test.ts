import { PassThrough } from "node:stream";
import type { EventData, MkEvent } from "@mk/core";
import { describe, expect, it } from "vitest";
import { Output } from "../terminal/output.js";
import { createPalette } from "../terminal/palette.js";
import { createRenderer } from "./renderer.js";
import { terminalRenderer } from "./terminal.js";

function event(data: EventData): MkEvent {
  return {
    specversion: "1.0",
    id: "1",
    source: "mk:///machines/mk",
    type: `dev.mk.${data.type}.v1`,
    time: "2026-01-01T00:00:00.000Z",
    datacontenttype: "application/json",
    data,
  };
}

const ERROR = { code: "DRIVER_FAILED", message: "it broke" } as const;
const STORY: readonly EventData[] = [
  {
    type: "driver.selected",
    driver: "qemu",
    why: "default, before kvm2",
    alternates: ["kvm2"],
    rejects: [
      { driver: "docker", reason: "nothing listens at unix:///run/docker.sock", fix: "Start Docker." },
      { driver: "other", reason: "it is asleep" },
    ],
  },
  { type: "operation.started", operation: "start" },
  { type: "step.started", operation: "start", step: "image", title: "downloading packages" },
  { type: "step.progress", operation: "start", step: "image", progress: { done: 30e6, total: 120e6, unit: "bytes" } },
  { type: "step.started", operation: "start", step: "unpack", title: "unpacking", parent: "image" },
  { type: "step.finished", operation: "start", step: "unpack", durationMs: 10 },
  { type: "step.progress", operation: "start", step: "image", progress: { done: 120e6, total: 120e6, unit: "bytes" } },
  { type: "step.finished", operation: "start", step: "image", durationMs: 4200 },
  {
    type: "note",
    level: "warning",
    message: "the clock is wrong",
    fields: { offsetMs: 9, reason: "sudo was refused" },
  },
  { type: "note", level: "info", message: "the clock is right", fields: { offsetMs: 0 } },
  { type: "step.started", operation: "start", step: "boot", title: "booting" },
  { type: "step.failed", operation: "start", step: "boot", durationMs: 1000, error: ERROR },
  { type: "undo.started", operation: "start" },
  { type: "operation.failed", operation: "start", durationMs: 9000, error: ERROR },
];

function capture(): { readonly output: Output; text(): string } {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk) => {
    text += String(chunk);
  });
  return { output: new Output(stream), text: () => text };
}

function render(options: { output?: "text" | "json"; quiet?: boolean } = {}) {
  const [out, err] = [capture(), capture()];
  const renderer = createRenderer({
    output: "text",
    quiet: false,
    colors: false,
    env: {},
    ...options,
    stdout: out.output,
    stderr: err.output,
  });
  for (const data of STORY) renderer.event(event(data));
  renderer.close();
  renderer.event(event({ type: "note", level: "info", message: "after the end" }));
  return { stdout: out.text(), stderr: err.text() };
}

describe("renderers", () => {
  it("write a log to standard error where there is no terminal", () => {
    const { stdout, stderr } = render();
    expect(stdout).toBe("");
    expect(stderr).toBe(
      [
        "Using driver qemu (default, before kvm2)",
        "  docker: nothing listens at unix:///run/docker.sock. Start Docker.",
        "  other: it is asleep",
        "  25 % of 120 MB",
        "Warning: the clock is wrong (sudo was refused)",
        "The clock is right",
        "Failed: Booting (1.0 s)",
        "Undoing what was done",
        "",
      ].join("\n"),
    );
  });

  it("write every event as one line of JSON to standard output", () => {
    const { stdout, stderr } = render({ output: "json" });
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).data),
    ).toEqual(STORY);
    expect(stderr).toBe("");
  });

  it("write nothing when they are to be quiet", () => {
    expect(render({ quiet: true })).toEqual({ stdout: "", stderr: "" });
  });

  it("draw steps under way on a terminal, with amount and rate, and leave a line for those that took a while", () => {
    const { output, text } = capture();
    let now = 0;
    const renderer = terminalRenderer(output, createPalette(false), () => now);
    for (const data of STORY) {
      renderer.event(event(data));
      now += 1000;
    }
    renderer.close();
    const drawn = text();
    expect(drawn).toContain(
      "✓ Using driver qemu (default, before kvm2)\n" +
        "  docker: nothing listens at unix:///run/docker.sock. Start Docker.\n" +
        "  other: it is asleep\n",
    );
    expect(drawn).toContain("✓ Downloading packages 4.2 s\n");
    expect(drawn).toMatch(/⠋ Downloading packages 30\.0 MB of 120 MB, 15\.0 MB\/s 2 s\n/);
    expect(drawn).toContain("⠋   Unpacking\n");
    expect(drawn).not.toContain("✓   Unpacking");
    expect(drawn).toContain("✗ Booting 1.0 s\n");
    expect(drawn).toContain("! the clock is wrong (sudo was refused)\n");
  });

  // The terminal itself writes ^C where the cursor is.
  it("leave nothing half drawn behind when they end, wherever the cursor was moved", () => {
    const { output, text } = capture();
    const renderer = terminalRenderer(output, createPalette(false), () => 0);
    renderer.event(event({ type: "step.started", operation: "start", step: "boot", title: "booting" }));
    renderer.close();
    expect(text()).toBe("⠋ Booting\n\r\u001b[1A\u001b[J");
  });
});
