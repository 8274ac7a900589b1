import type { Files } from "@mk/core";
import { MkError } from "@mk/core";
import { inspectDiskImage } from "./disk-image.js";

/** Disk formats that mk makes: a flat file with holes, or QEMU's own. */
export type DiskFormat = "raw" | "qcow2";

const MIB = 1024 * 1024;

/**
 * Makes an empty, sparse raw disk that only its owner can read. MACHINE_EXISTS when something is at `path` already: a disk is never
 * overwritten.
 */
export async function makeRawDisk(files: Files, path: string, sizeMiB: number): Promise<void> {
  await assertNothingAt(files, path);
  await files.allocate(path, sizeMiB * MIB);
  await files.chmod(path, 0o600);
}

/**
 * Grows a raw disk to at least this size and reports whether it grew. Never shrinks. MACHINE_BROKEN when there is no disk, or when the
 * file is an image of another format: bytes appended to one of those are not space for the guest.
 */
export async function growRawDisk(files: Files, path: string, sizeMiB: number): Promise<boolean> {
  const facts = await inspectDiskImage(files, path);
  if (facts === undefined) throw new MkError("MACHINE_BROKEN", `the disk ${path} is gone`);
  if (facts.format !== "raw") throw new MkError("MACHINE_BROKEN", `the disk ${path} is ${facts.format}, not raw`);
  if (facts.virtualBytes >= sizeMiB * MIB) return false;
  await files.allocate(path, sizeMiB * MIB);
  return true;
}

export async function assertNothingAt(files: Files, path: string): Promise<void> {
  if ((await files.stat(path)) === undefined) return;
  throw new MkError("MACHINE_EXISTS", `there is a file at ${path} already`, {
    hint: "Move the file away, or delete the machine it belongs to.",
    details: { path },
  });
}
