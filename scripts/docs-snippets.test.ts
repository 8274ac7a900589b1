import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
// Inside the tree, so that packages resolve as they do for our own sources.
const scratch = join(root, "packages/conformance/node_modules/.cache/snippets");

function pages(): readonly string[] {
  const readmes = readdirSync(join(root, "packages")).map((folder) => join("packages", folder, "README.md"));
  const docs = readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name));
  return ["README.md", ...docs, ...readmes];
}

function snippets(page: string): readonly string[] {
  try {
    return [...readFileSync(join(root, page), "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
      ([, code]) => code ?? "",
    );
  } catch {
    return [];
  }
}

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it("every TypeScript snippet of the documentation compiles", () => {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const paths: Record<string, string[]> = {};
  for (const folder of readdirSync(join(root, "packages")))
    paths[`@mk/${folder}`] = [join(root, "packages", folder, "src/index.ts")];
  let count = 0;
  for (const page of pages()) {
    for (const code of snippets(page)) {
      // A driver under development imports its own build; here that is any driver.
      const text = code
        .replace(/"\.\.\/dist\/index\.js"|"mk-driver-frob"/, '"@mk/driver-qemu"')
        .replace('"../package.json"', '"./package.json"');
      writeFileSync(join(scratch, `${page.replace(/\W+/g, "-")}-${count++}.ts`), `${text}\nexport {};\n`);
    }
  }
  expect(count).toBeGreaterThan(0);
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(scratch, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: { paths, typeRoots: [join(root, "node_modules/@types")] },
      include: ["*.ts"],
    }),
  );
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", scratch],
    { encoding: "utf8" },
  );
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
