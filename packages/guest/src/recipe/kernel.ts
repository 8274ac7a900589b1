import { MkError } from "@mk/core";
import type { DataEntry } from "../deb/data-entries.js";
import type { XzThreads } from "../deb/xz-threads.js";
import { depmodFiles } from "../modules/depmod.js";
import { type ModuleInfo, readModuleInfo } from "../modules/module-info.js";
import { selectModules } from "../modules/select.js";
import { bytesContents, type Contents, readAll, type Spool } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { MODULES } from "./packages.js";
import { layOver, readTreeFile, unpack } from "./unpack.js";

/** The kernel's boot image and those of its modules that the guest has. */
export interface Kernel {
  /** `6.12.107+deb13-cloud-amd64` */
  readonly release: string;
  readonly image: Contents;
  readonly modules: ReadonlyMap<string, { readonly info: ModuleInfo; readonly contents: Contents }>;
  /** The module directory, from `/usr/lib/modules` on. */
  readonly tree: Tree;
}

async function decompress(bytes: Uint8Array, xz: XzThreads, signal: AbortSignal): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of xz.stream({ bytes }, signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/**
 * Reads the kernel's package: modules are unpacked (decompressing one costs the guest more than reading it whole), chosen, and indexed.
 */
export async function readKernel(
  entries: AsyncIterable<DataEntry>,
  spool: Spool,
  xz: XzThreads,
  signal: AbortSignal,
): Promise<Kernel> {
  const raw = new Tree();
  layOver(raw, await unpack(entries, spool, (path) => /^\/(boot\/vmlinuz-|usr\/lib\/modules\/)/.test(path)));
  const image = raw.under("/boot/vmlinuz-").find(({ node }) => node.type === "file");
  if (image?.node.type !== "file") throw new MkError("INTEGRITY", "Debian's kernel package holds no kernel");
  const release = image.path.replace("/boot/vmlinuz-", "");
  const base = `/usr/lib/modules/${release}`;

  // By the path that a module has when it is not compressed.
  const moduleFiles = new Map(
    raw.under(`${base}/kernel/`).flatMap(({ path, node }) => {
      if (node.type !== "file" || !/\.ko(\.xz)?$/.test(path)) return [];
      return [[path.slice(base.length + 1).replace(/\.xz$/, ""), { path, contents: node.contents }] as const];
    }),
  );
  const readModule = async (name: string) => {
    const { path, contents } = moduleFiles.get(name)!;
    const bytes = path.endsWith(".xz")
      ? await decompress(await readAll(contents), xz, signal)
      : await readAll(contents);
    return { info: readModuleInfo(name, bytes), contents: bytesContents(bytes) };
  };
  const chosen = await selectModules([...moduleFiles.keys()], MODULES, readModule);
  const modules = new Map(chosen.map((module) => [module.info.name, module]));

  const tree = new Tree();
  for (const { info, contents } of modules.values()) tree.file(`${base}/${info.path}`, contents);
  const lines = async (name: string): Promise<readonly string[]> =>
    ((await readTreeFile(raw, `${base}/${name}`))?.toString("utf8") ?? "").split("\n").filter((line) => line !== "");
  const files = depmodFiles({
    modules: [...modules.values()].map(({ info }) => info),
    order: (await lines("modules.order")).map((path) => path.replace(/\.o$/, ".ko")),
    builtin: await lines("modules.builtin"),
    builtinInfo: (await readTreeFile(raw, `${base}/modules.builtin.modinfo`)) ?? Buffer.alloc(0),
  });
  for (const [name, contents] of files) tree.file(`${base}/${name}`, contents);
  return { release, image: image.node.contents, modules, tree };
}
