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
  if ((await entries(directory)).length > 0)
    throw new InvalidAnswerError(`${directory} is not empty: name a new directory`);
  const files = await templateFiles(answers);
  const staging = `${directory}.creating-${process.pid}`;
  try {
    for (const [path, contents] of files) {
      await mkdir(dirname(join(staging, path)), { recursive: true });
      await writeFile(join(staging, path), contents);
    }
    // An empty directory may be replaced by a rename, a filled one not: nobody's files are lost to a race.
    await rename(staging, directory);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  return [...files.keys()];
}

async function templateFiles(answers: Answers): Promise<ReadonlyMap<string, string>> {
  const values: Readonly<Record<string, string>> = {
    driver: answers.driver,
    package: answers.packageName,
    summary: JSON.stringify(answers.summary).slice(1, -1),
    author: JSON.stringify(answers.author).slice(1, -1),
    os: JSON.stringify(answers.os),
    platforms: answers.os.join(", "),
    constant: answers.driver.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
    core: await contractRange(),
    kit: await kitRange(),
  };
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
      text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole),
    );
  }
  return files;
}

async function entries(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR")
      throw new InvalidAnswerError(`${directory} is a file: name a new directory`);
    throw error;
  }
}
