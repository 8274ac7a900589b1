import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Answers, InvalidAnswerError } from "./answers.js";
import { contractRange, kitRange } from "./versions.js";

const TEMPLATE = fileURLToPath(new URL("../template", import.meta.url));
/** npm leaves such files out of a tarball, or takes them for its own, under their real names. */
const REAL_NAMES: Readonly<Record<string, string>> = {
  _gitignore: ".gitignore",
  _github: ".github",
  "_package.json": "package.json",
  "_tsconfig.json": "tsconfig.json",
};

/**
 * Writes a driver package into `directory`, which must be empty or absent, and resolves with the files it wrote, relative to it.
 * Either all of them are there afterwards or none. InvalidAnswerError when the directory holds something.
 */
export async function createDriver(directory: string, answers: Answers): Promise<readonly string[]> {
  const found = await entries(directory);
  if (found !== undefined && found.length > 0)
    throw new InvalidAnswerError(`${directory} is not empty: name a new directory`);
  const files = await templateFiles(answers);
  // An empty directory is filled and not replaced: a shell may stand in it, or a file system of its own be mounted there.
  const suffix = `.creating-${process.pid}`;
  const staging = found === undefined ? `${directory}${suffix}` : join(directory, suffix);
  try {
    for (const [path, contents] of files) {
      await mkdir(dirname(join(staging, path)), { recursive: true });
      await writeFile(join(staging, path), contents);
    }
    if (found === undefined) await rename(staging, directory);
    else await moveAll(staging, directory);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return [...files.keys()];
}

/** Moves all that is in one directory to another; where that fails, nothing of it stays there. */
async function moveAll(from: string, to: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const name of await readdir(from)) {
      await rename(join(from, name), join(to, name));
      moved.push(name);
    }
  } catch (error) {
    for (const name of moved) await rm(join(to, name), { recursive: true, force: true });
    throw error;
  }
}

async function templateFiles(answers: Answers): Promise<ReadonlyMap<string, string>> {
  const values: Readonly<Record<string, string>> = {
    driver: answers.driver,
    package: answers.packageName,
    os: JSON.stringify(answers.os),
    platforms: answers.os.join(", "),
    core: await contractRange(),
    kit: await kitRange(),
  };
  const freeTexts: Readonly<Record<string, string>> = { summary: answers.summary, author: answers.author };
  const files = new Map<string, string>();
  for (const entry of (await readdir(TEMPLATE, { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  )) {
    const path = join(entry.parentPath, entry.name).slice(TEMPLATE.length + 1);
    const real = path
      .split(/[\\/]/)
      .map((part) => REAL_NAMES[part] ?? part)
      .join("/");
    const text = await readFile(join(TEMPLATE, path), "utf8");
    files.set(
      real,
      text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => {
        const text = freeTexts[key];
        return text === undefined ? (values[key] ?? whole) : escaped(text, real);
      }),
    );
  }
  return files;
}

/** Text as it must stand in a file: its placeholder is in quotes in JSON and TypeScript, and in a sentence in Markdown. */
function escaped(text: string, file: string): string {
  return file.endsWith(".md") ? text.replace(/[\\`*_[\]<]/g, "\\$&") : JSON.stringify(text).slice(1, -1);
}

/** What a directory holds; undefined where there is none. */
async function entries(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR")
      throw new InvalidAnswerError(`${directory} is a file: name a new directory`);
    throw error;
  }
}
