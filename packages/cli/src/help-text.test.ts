import { defineDriver } from "@mk/core";
import { describe, expect, it } from "vitest";
import { declare } from "./cli.js";
import { commandHelp, generalHelp, groupHelp } from "./help-text.js";

const cli = declare(() => {});
const driver = defineDriver({
  name: "wordy",
  summary: "has an option that takes many words",
  priority: "default",
  traits: { isolation: "vm", parallel: true, privileged: false, image: "none" },
  options: {
    virtualization: {
      type: "string",
      choices: ["auto", "kvm", "qemu"],
      describe: "kvm, software emulation, or kvm where a guest was seen to run on it",
    },
  },
  status: async () => ({ status: "ready" }),
  createConfig: () => ({}),
  parseConfig: () => ({}),
  createDriver: () => Promise.reject(new Error("not used")),
});

/** Lines that are wider, but for what is there to be copied. */
function tooWide(help: string, width: number): readonly string[] {
  const described = help.replace(/^(Usage|Examples):\n(?: {2}.*\n?)*/gm, "");
  return described.split("\n").filter((line) => line.length > width);
}

describe("help", () => {
  it.each([100, 80, 60])("fits a terminal of %s columns", (width) => {
    const texts = [
      generalHelp(cli, width),
      groupHelp(cli, "driver", width),
      ...cli.commands.map((command) => commandHelp(command, cli, { driver, width })),
    ];
    expect(texts.flatMap((text) => tooWide(text, width))).toEqual([]);
  });

  it("has whole lines for a file or a program", () => {
    expect(generalHelp(cli)).toBe(generalHelp(cli, 500));
  });
});
