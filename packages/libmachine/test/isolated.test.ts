import { createMk } from "@mk/core";
import { expect, it } from "vitest";
import { isolated } from "../src/index.js";
import { pretendDriver } from "./programs/pretend-driver.js";
import { buildIsolated } from "./support/isolated-machine.js";
import { machineContext } from "./support/machine-context.js";

it("has its running machine killed before the removal, as in process", async () => {
  await using programs = await buildIsolated();
  const elsewhere = isolated(pretendDriver, { module: programs.module.path, program: programs.child.path });
  for (const driver of [pretendDriver, elsewhere]) {
    await using home = await machineContext("home");
    const steps: string[] = [];
    await using mk = createMk({
      home: home.directory,
      host: home.host,
      drivers: [driver],
      onEvent: ({ data }) => void (data.type === "step.started" && steps.push(`${data.operation} ${data.step}`)),
    });
    await using machine = await mk.start({ name: "m1", driver: "pretend" });
    await machine.delete();
    expect(steps.filter((step) => step.startsWith("delete"))).toEqual([
      "delete inspect",
      "delete kill",
      "delete driver",
      "delete intent",
      "delete files",
    ]);
  }
});
