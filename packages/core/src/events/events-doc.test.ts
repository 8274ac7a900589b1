import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

it("lists every type of event in docs/events.md", async () => {
  const [source, doc] = await Promise.all([
    readFile(new URL("./event.ts", import.meta.url), "utf8"),
    readFile(new URL("../../../../docs/events.md", import.meta.url), "utf8"),
  ]);
  // The types of EventData are the quoted names with a dot, and `note`.
  const types = [...source.matchAll(/"((?:operation|step|machine|guest|driver|undo)\.[a-z]+|note)"/g)].map(
    ([, type]) => type,
  );
  const listed = [...doc.matchAll(/^\| `([a-z.]+)` /gm)].map(([, type]) => type).filter((type) => type !== "data.type");
  expect(listed.sort()).toEqual([...new Set(types)].sort());
});
