import type { SeedFile } from "@mk/core";

/** The engine mounts its own over it, and gives it the hostname of the create request. */
const ENGINE_OWNED = "/etc/hostname";

/** Seed files as a tar for `PUT /containers/<id>/archive?path=/`: owned by root, with the directories they need. */
export async function seedArchive(files: readonly SeedFile[]): Promise<Buffer> {
  const { pack: createPack } = await import("tar-stream");
  const pack = createPack();
  const seeds = files.filter(({ path }) => path !== ENGINE_OWNED);
  const mtime = new Date(0);
  const root = { uid: 0, gid: 0, mtime } as const;
  for (const directory of directoriesOf(seeds))
    pack.entry({ ...root, name: directory, type: "directory", mode: 0o755 });
  for (const { path, mode, contents } of seeds) {
    pack.entry({ ...root, name: path.slice(1), mode }, typeof contents === "string" ? contents : Buffer.from(contents));
  }
  pack.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** Every directory below the top-level ones, which the image has; parents first. */
function directoriesOf(files: readonly SeedFile[]): readonly string[] {
  const directories = new Set<string>();
  for (const { path } of files) {
    const segments = path.split("/").slice(1, -1);
    for (let depth = 2; depth <= segments.length; depth += 1) directories.add(`${segments.slice(0, depth).join("/")}/`);
  }
  return [...directories].sort();
}
