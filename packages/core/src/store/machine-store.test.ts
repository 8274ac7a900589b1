import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryIn } from "../host/atomic-write.js";
import { createHome } from "./home.js";
import type { MachineConfig } from "./machine-config.js";
import { createMachineStore, type MachineStore } from "./machine-store.js";

let directory: TemporaryDirectory;
let store: MachineStore;

const config = (name: string): MachineConfig => ({
  schemaVersion: 1,
  machine: {
    createdAt: "2026-01-02T03:04:05.678Z",
    spec: { name, id: "an-id", cpus: 1, memoryMiB: 64, diskMiB: 64, arch: "amd64", mounts: [], ports: [] },
  },
  driver: { name: "fake" },
  options: {},
  driverConfig: { version: 1 },
});

async function put(name: string): Promise<void> {
  await store.makeDirectory(name);
  await store.write(name, config(name));
}

const NOBODY = 65534;
/** More than any system gives. */
const NO_PID = 4_194_305;

/** A directory with a file that only root could remove. */
async function lockedDirectory(path: string): Promise<void> {
  await mkdir(path);
  await writeFile(join(path, "file"), "");
  await chmod(path, 0o500);
}

/** Without root's power to remove anything, if these tests have it: then nobody owns the directory meanwhile. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  execFileSync("chown", ["-R", String(NOBODY), directory.path]);
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

beforeEach(async () => {
  directory = await temporaryDirectory("mk-store-");
  store = createMachineStore(createHome(directory.path));
  await createHome(directory.path).ensure();
});
afterEach(() => directory[Symbol.asyncDispose]());

describe("the store", () => {
  it("does not wait for a pipe that was put in a config's place", async () => {
    await put("one");
    await rm(directory.join("machines", "one", "config.json"));
    execFileSync("mkfifo", [directory.join("machines", "one", "config.json")]);
    expect(await store.read("one")).toMatchObject({ kind: "recovered" });
  });

  it("lists machines by name and passes over what is none", async () => {
    await put("b");
    await put("a");
    await mkdir(directory.join("machines", "Not-A-Name"));
    await writeFile(directory.join("machines", "a-file"), "");
    expect(await store.names()).toEqual(["a", "b"]);
  });

  it("reads what it wrote", async () => {
    await put("one");
    expect(await store.read("one")).toEqual({ kind: "good", config: config("one") });
    expect(await store.read("two")).toEqual({ kind: "absent" });
  });

  it.each([
    ["is empty", (path: string) => writeFile(path, "")],
    ["is zeros", (path: string) => writeFile(path, Buffer.alloc(4096))],
    ["is not JSON", (path: string) => writeFile(path, "not json")],
    ["is huge", (path: string) => writeFile(path, Buffer.alloc(5 * 1024 * 1024, " "))],
  ])("recovers a config that %s, changes nothing by reading it, and repairs it", async (_title, damage) => {
    await put("one");
    const path = directory.join("machines", "one", "config.json");
    await damage(path);
    const damaged = await readFile(path);
    expect(await store.read("one")).toMatchObject({ kind: "recovered", problem: { code: "CONFIG_CORRUPT" } });
    expect(damaged.equals(await readFile(path))).toBe(true);
    await store.repair("one");
    expect(await store.read("one")).toMatchObject({ kind: "good" });
    const aside = (await readdir(directory.join("machines", "one"))).find((entry) => entry.includes(".corrupt-"));
    expect(damaged.equals(await readFile(directory.join("machines", "one", aside ?? "")))).toBe(true);
  });

  it("recovers from a directory or a dangling link in the config's place", async () => {
    for (const [name, make] of [
      ["dir", (path: string) => mkdir(path)],
      ["link", (path: string) => symlink("/nowhere/at/all", path)],
    ] as const) {
      await put(name);
      const path = directory.join("machines", name, "config.json");
      await rm(path);
      await make(path);
      expect(await store.read(name)).toMatchObject({ kind: "recovered" });
      await store.repair(name);
      expect(await store.read(name)).toMatchObject({ kind: "good" });
    }
  });

  it("calls a machine broken when both copies are gone but something else is there", async () => {
    await mkdir(directory.join("machines", "one"));
    await writeFile(directory.join("machines", "one", "disk.raw"), "data");
    expect(await store.read("one")).toMatchObject({ kind: "broken", problem: { code: "CONFIG_CORRUPT" } });
  });

  it("calls a machine absent whose creation was killed before anything was made", async () => {
    await mkdir(directory.join("machines", "one"));
    await writeFile(directory.join("machines", "one", "intent.json"), '{"operation":"create","since":"now"}');
    expect(await store.read("one")).toEqual({ kind: "absent" });
  });

  it("removes a machine and, later, what an interrupted removal left; a link is removed, not followed", async () => {
    await writeFile(directory.join("precious"), "keep me");
    await put("one");
    await symlink(directory.join("precious"), directory.join("machines", "one", "link"));
    await store.remove("one");
    await store.remove("one");
    await mkdir(directory.join("machines", ".trash-0123456789ab"));
    await store.sweep();
    expect(await readdir(directory.join("machines"))).toEqual([]);
    expect(await readFile(directory.join("precious"), "utf8")).toBe("keep me");
  });

  it("lists and removes a machine that was moved to another disk and linked to, contents and all", async () => {
    await put("one");
    await rename(directory.join("machines", "one"), directory.join("moved"));
    await symlink(directory.join("moved"), directory.join("machines", "one"));
    expect(await store.names()).toEqual(["one"]);
    expect(await store.read("one")).toMatchObject({ kind: "good" });
    await store.remove("one");
    expect(await readdir(directory.join("machines"))).toEqual([]);
    expect(await readdir(directory.join("moved"))).toEqual([]);
  });

  it("finishes the removal of a machine that is linked to, when it was interrupted", async () => {
    await put("one");
    await rename(directory.join("machines", "one"), directory.join("moved"));
    await rm(directory.join("moved", "config.json"));
    await symlink(directory.join("moved"), directory.join("machines", ".trash-0123456789ab"));
    await store.sweep();
    expect(await readdir(directory.join("machines"))).toEqual([]);
    expect(await readdir(directory.join("moved"))).toEqual([]);
  });

  it("removes a machine's link alone where it leads nowhere or to what is no machine", async () => {
    await mkdir(directory.join("precious"));
    await writeFile(directory.join("precious", "config.json"), "{}");
    await symlink(directory.join("precious"), directory.join("machines", "other"));
    await symlink(directory.join("nowhere"), directory.join("machines", "gone"));
    expect(await store.names()).toEqual(["gone", "other"]);
    expect(await store.read("gone")).toMatchObject({ kind: "broken" });
    await store.remove("other");
    await store.remove("gone");
    expect(await readdir(directory.join("machines"))).toEqual([]);
    expect(await readdir(directory.join("precious"))).toEqual(["config.json"]);
  });

  it("removes a link to another machine alone, wherever that one is", async () => {
    await put("one");
    await symlink("one", directory.join("machines", "alias"));
    await store.remove("alias");
    await rename(directory.join("machines", "one"), directory.join("moved"));
    await symlink(directory.join("moved"), directory.join("machines", "one"));
    await symlink(directory.join("moved"), directory.join("machines", "alias"));
    await store.remove("alias");
    expect(await readdir(directory.join("machines"))).toEqual(["one"]);
    expect(await store.read("one")).toMatchObject({ kind: "good" });
  });

  it("names what is left of a machine whose files cannot all be removed, and passes over it from then on", async () => {
    await put("one");
    await lockedDirectory(directory.join("machines", "one", "locked"));
    const error = await asOrdinaryUser(() => store.remove("one")).catch((thrown: unknown) => thrown);
    const [trash = ""] = await readdir(directory.join("machines"));
    expect(error).toMatchObject({ code: "PERMISSION_DENIED", hint: expect.stringContaining(trash) });
    expect(await store.read("one")).toEqual({ kind: "absent" });
    await mkdir(directory.join("machines", ".trash-ffffffffffff"));
    await asOrdinaryUser(() => store.sweep());
    expect(await readdir(directory.join("machines"))).toEqual([trash]);
    await chmod(directory.join("machines", trash, "locked"), 0o700);
    await store.sweep();
    expect(await readdir(directory.join("machines"))).toEqual([]);
  });

  it("tidies only the temporary files of killed writers, in a machine's directory and in the home", async () => {
    await put("one");
    const places = [directory.join("machines", "one"), directory.path];
    const living = basename(temporaryIn(""));
    const dead = living.replace(String(process.pid), String(NO_PID));
    for (const place of places) {
      for (const name of [living, dead, ".mk-notes.tmp"]) await writeFile(join(place, name), "half");
    }
    await store.tidy("one");
    await store.sweep();
    const [own, home] = await Promise.all(places.map(async (place) => (await readdir(place)).sort()));
    expect(own).toEqual([living, ".mk-notes.tmp", "config.json", "config.json.last"]);
    expect(home).toEqual([living, ".mk-notes.tmp", "locks", "machines"]);
  });
});
