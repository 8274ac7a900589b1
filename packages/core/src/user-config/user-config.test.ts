import { describe, expect, it } from "vitest";
import { getSetting, listSettings, withSetting } from "./edit-config.js";
import { settingOf } from "./parse-user-config.js";
import { readConfigFile, readUserConfig, writeConfigFile } from "./user-config-file.js";

function memoryFiles(text?: string) {
  const files = {
    text,
    readText: async () => files.text,
    write: async (_: string, contents: string | Uint8Array) => {
      files.text = String(contents);
    },
  };
  return files;
}

describe("the user's config", () => {
  it("is empty when there is no file", async () => {
    expect(await readUserConfig(memoryFiles(), "/home/mk")).toEqual({ options: {} });
  });

  it("has sizes in MiB and options by driver", async () => {
    const text = JSON.stringify({
      driver: "qemu",
      profile: "work",
      cpus: 4,
      memory: "4g",
      "disk-size": 10_240,
      "driver-path": ["/opt/drivers"],
      drivers: { qemu: { accelerator: "tcg" } },
    });
    expect(await readUserConfig(memoryFiles(text), "/home/mk")).toEqual({
      driver: "qemu",
      profile: "work",
      cpus: 4,
      memoryMiB: 4096,
      diskMiB: 10_240,
      driverPath: ["/opt/drivers"],
      options: { qemu: { accelerator: "tcg" } },
    });
  });

  it.each([
    ["{", /not JSON/],
    ["[]", /not a JSON object/],
    ["null", /not a JSON object/],
    ['{"cpus":0}', /cpus "0"/],
    ['{"cpus":"2.5"}', /cpus/],
    ['{"memory":"1e9"}', /memory/],
    ['{"driver":"../x"}', /driver/],
    ['{"profile":".."}', /profile/],
    ['{"driver-path":["relative"]}', /relative/],
    ['{"drivers":{"qemu":"tcg"}}', /drivers/],
    ['{"drivers":[]}', /drivers/],
    ['{"nonsense":1}', /config\.json: .*nonsense/],
  ])("is refused as CONFIG_INVALID when it is %s", async (text, message) => {
    const error = await readUserConfig(memoryFiles(text), "/home/mk").catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  it.each(["cpus", "memroy"])("names the command that takes out a wrong %s", async (name) => {
    await expect(readUserConfig(memoryFiles(`{"${name}":"x"}`), "/home/mk")).rejects.toMatchObject({
      hint: `Change it: mk config unset ${name}`,
    });
  });

  it("suggests a setting for a mistyped one", () => {
    expect(() => settingOf("memroy")).toThrow(expect.objectContaining({ hint: "Use the setting memory." }));
  });

  it("is repaired one setting after the other", async () => {
    const files = memoryFiles('{"cpus":"x","memory":"y","nope":1}\n');
    for (const name of ["cpus", "memory", "nope"]) {
      const file = await readConfigFile(files, "/home/mk");
      await writeConfigFile(files, "/home/mk", withSetting(file, name, undefined));
    }
    expect(await readUserConfig(files, "/home/mk")).toEqual({ options: {} });
  });
});

describe("settings", () => {
  it("are set, read, listed and removed, a driver's by a dot", () => {
    let file = withSetting({}, "cpus", 4);
    file = withSetting(file, "qemu.accelerator", "tcg");
    file = withSetting(file, "docker.network", "x");
    expect(getSetting(file, "qemu.accelerator")).toBe("tcg");
    expect(getSetting(file, "qemu.constructor")).toBeUndefined();
    expect(getSetting(file, "toString")).toBeUndefined();
    expect(listSettings(file)).toEqual([
      ["cpus", 4],
      ["docker.network", "x"],
      ["qemu.accelerator", "tcg"],
    ]);
    file = withSetting(withSetting(file, "qemu.accelerator", undefined), "docker.network", undefined);
    expect(file).toEqual({ cpus: 4 });
  });

  it("refuses half of a driver's setting", () => {
    for (const name of [".x", "qemu.", "qemu.__proto__", "."]) {
      expect(() => getSetting({}, name)).toThrowError(expect.objectContaining({ code: "CONFIG_INVALID" }));
    }
  });
});
