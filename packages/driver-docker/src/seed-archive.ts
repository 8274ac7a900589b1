import type { SeedFile } from "@mk/core";

/** The engine mounts its own over it, and gives it the hostname of the create request. */
const ENGINE_OWNED = "/etc/hostname";

/** Seed files as a tar for `PUT /containers/<id>/archive?path=/`: owned by root, with the directories they need. */
export async function seedArchive(files: readonly SeedFile[]): Promise<Buffer> {
  const { packTar } = await import("modern-tar");
  const seeds = files.filter(({ path }) => path !== ENGINE_OWNED);
  const mtime = new Date(0);
  const root = { uid: 0, gid: 0, mtime } as const;
  const archive = await packTar([
    ...directoriesOf(seeds).map((name) => ({
      header: { ...root, name, type: "directory", mode: 0o755, size: 0 } as const,
    })),
    ...seeds.map(({ path, mode, contents }) => ({
      header: { ...root, name: path.slice(1), mode, size: Buffer.byteLength(contents) },
      body: contents,
    })),
  ]);
  return Buffer.from(archive.buffer);
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
