import { readFile } from "node:fs/promises";
import { temporaryDirectory } from "@mk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { failpoint, setFailpoints } from "./failpoint.js";
import { listFailpoints } from "./list-failpoints.js";
import { parseFailpoints } from "./parse-failpoints.js";

afterEach(() => setFailpoints(undefined));

describe("failpoints", () => {
  it("do nothing, not even a promise, when none is set", () => {
    expect(failpoint("create.save:before")).toBeUndefined();
  });

  it("fail as told, after as many hits as told, and are off past the last term", async () => {
    setFailpoints("create.save:before=2*off->1*error(NO_SPACE)");
    await failpoint("create.save:before");
    await failpoint("create.save:before");
    await expect(failpoint("create.save:before")).rejects.toMatchObject({ code: "NO_SPACE" });
    await failpoint("create.save:before");
    await failpoint("create.save:after");
  });

  it("throw what a full disk throws", async () => {
    setFailpoints("*=enospc");
    await expect(failpoint("store.write:before")).rejects.toMatchObject({ code: "ENOSPC" });
  });

  it("pause until the operation is aborted", async () => {
    setFailpoints("x=pause");
    const controller = new AbortController();
    const paused = failpoint("x", controller.signal);
    controller.abort(new Error("enough"));
    await expect(paused).rejects.toThrow("enough");
  });

  it("log each hit before its action is taken", async () => {
    await using directory = await temporaryDirectory();
    setFailpoints("a=error(INTERNAL)", directory.join("log"));
    await failpoint("a")?.catch(() => undefined);
    await failpoint("b");
    expect(await readFile(directory.join("log"), "utf8")).toBe(`a error ${process.pid}\nb pass ${process.pid}\n`);
  });

  it("are listed before and after each step", () => {
    expect(listFailpoints()).toContain("create.driver:before");
    expect(listFailpoints()).toContain("store.rename:after");
    expect(new Set(listFailpoints()).size).toBe(listFailpoints().length);
  });

  it.each(["x", "=off", "x=", "x=explode", "x=delay(soon)", "x=1*", "x=1*off->"])("refuse %j", (text) => {
    expect(() => parseFailpoints(text)).toThrow(TypeError);
  });

  it("take several at once", () => {
    expect([...parseFailpoints("a=off; b=3*delay(20)->kill;").entries()]).toEqual([
      ["a", [{ count: Number.POSITIVE_INFINITY, action: { kind: "off" } }]],
      [
        "b",
        [
          { count: 3, action: { kind: "delay", ms: 20 } },
          { count: Number.POSITIVE_INFINITY, action: { kind: "kill" } },
        ],
      ],
    ]);
  });
});
