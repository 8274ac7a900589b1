import { describe, expect, test } from "vitest";
import { buildKernelCommandLine } from "./kernel-command-line.js";

describe("buildKernelCommandLine", () => {
  test("puts the machine's parameters behind the image's", () => {
    const line = buildKernelCommandLine(" console=ttyS0 quiet ", {
      "mk.ip": "dhcp",
      "mk.data": undefined,
      nokaslr: "",
    });
    expect(line).toBe("console=ttyS0 quiet mk.ip=dhcp nokaslr");
  });

  test("quotes a value with blanks as the kernel reads it", () => {
    expect(buildKernelCommandLine("", { "mk.note": "two words" })).toBe('mk.note="two words"');
  });

  test("takes as many bytes as the kernel, and not one more", () => {
    const base = "x".repeat(2040);
    expect(buildKernelCommandLine(base, { ab: "123" })).toHaveLength(2047);
    expect(() => buildKernelCommandLine(base, { ab: "1234" })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", details: { bytes: 2048, limit: 2047 } }),
    );
    expect(() => buildKernelCommandLine("é".repeat(1024), {})).toThrow(/2048 bytes/);
  });

  test.each(['a"b', "a\nb", "a\0b", "a\tb"])("refuses the value %j, which no command line can hold", (value) => {
    expect(() => buildKernelCommandLine("", { name: value })).toThrow(TypeError);
  });

  test.each(["", "a b", "a=b", 'a"'])("refuses the name %j", (name) => {
    expect(() => buildKernelCommandLine("", { [name]: "1" })).toThrow(TypeError);
  });
});
