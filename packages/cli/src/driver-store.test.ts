import { dirname, join } from "node:path";
import type { Host } from "@mk/core";
import { describe, expect, it } from "vitest";
import { npmProgram, packageSpec } from "./driver-store.js";
import { installCommand, packageManagers } from "./package-manager.js";

describe("words of mk driver add", () => {
  it.each([
    ["qemu", "@mk/driver-qemu"],
    ["kvm", "@mk/driver-kvm2"],
    ["docker@1.2.3", "@mk/driver-docker@1.2.3"],
    ["mk-driver-own", "mk-driver-own"],
    ["@acme/mk-driver-x@^2", "@acme/mk-driver-x@^2"],
    [".", "/here"],
    ["./driver", "/here/driver"],
    ["../driver.tgz", "/driver.tgz"],
    ["driver-1.0.0.tgz", "/here/driver-1.0.0.tgz"],
    ["file:driver", "/here/driver"],
    ["/driver.tgz", "/driver.tgz"],
    ["file:///driver", "file:///driver"],
    ["acme/driver", "acme/driver"],
    ["https://example.org/driver.tgz", "https://example.org/driver.tgz"],
  ])("%s means %s", (word, spec) => {
    expect(packageSpec(word, "/here")).toBe(spec);
  });

  it.each(["", "-g", "--registry=x"])("%j is refused", (word) => {
    expect(() => packageSpec(word, "/here")).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

describe("npm", () => {
  const script = join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js");
  const host = (npm: string | undefined, ...present: readonly string[]) =>
    ({
      which: async () => npm,
      files: { stat: async (path: string) => (present.includes(path) ? {} : undefined) },
    }) as unknown as Host;

  it("is the script beside Node where no program of that name can be started, as on Windows", async () => {
    expect(await npmProgram(host("/bin/npm", script))).toEqual(["/bin/npm"]);
    expect(await npmProgram(host(undefined, script))).toEqual([process.execPath, script]);
    await expect(npmProgram(host(undefined))).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  });
});

describe("package managers", () => {
  const host = (platform: NodeJS.Platform, ...programs: readonly string[]) => ({
    platform,
    which: async (program: string) => (programs.includes(program) ? `/bin/${program}` : undefined),
  });

  it("are those of the system", async () => {
    expect((await packageManagers(host("linux", "apt-get", "brew"))).map(({ name }) => name)).toEqual(["apt", "brew"]);
    expect((await packageManagers(host("darwin", "brew", "apt-get"))).map(({ name }) => name)).toEqual(["brew"]);
    expect(await packageManagers(host("freebsd", "apt-get"))).toEqual([]);
  });

  it("install without questions, through sudo only where root is needed and we are not", () => {
    const apt = { name: "apt", program: "/usr/bin/apt-get" } as const;
    expect(installCommand(apt, ["qemu-system-x86"], 0)).toEqual([
      ["/usr/bin/apt-get", "update"],
      ["/usr/bin/apt-get", "install", "-y", "--no-install-recommends", "--", "qemu-system-x86"],
    ]);
    expect(installCommand(apt, ["x"], 1000).every(([first]) => first === "sudo")).toBe(true);
    expect(installCommand({ name: "brew", program: "/b" }, ["x"], 501)).toEqual([["/b", "install", "x"]]);
  });
});
