import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

function pages(): readonly string[] {
  const inside = (folder: string) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isFile()) return entry.name.endsWith(".md") ? [path] : [];
      return ["README.md", "CONTRACT.md"]
        .map((name) => join(path, name))
        .filter((page) => existsSync(join(root, page)));
    });
  return ["README.md", "bench/README.md", ...["docs", "packages", "examples"].flatMap(inside)];
}

/** Anchors as GitHub makes them of headings. */
function anchors(path: string): readonly string[] {
  const headings = readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}

function broken(page: string): readonly string[] {
  const links = readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].flatMap(([, link = ""]) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? join(root, page) : join(root, dirname(page), path);
    if (!existsSync(target) || relative(root, target).startsWith("..")) return [link];
    if (anchor === undefined) return [];
    return statSync(target).isFile() && anchors(target).includes(anchor) ? [] : [link];
  });
}

it.each(pages())("the links of %s lead somewhere in the tree", (page) => {
  expect(broken(page)).toEqual([]);
});
