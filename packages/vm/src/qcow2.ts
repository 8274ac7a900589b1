import type { Files } from "@mk/core";
import { assertNothingAt } from "./disk.js";

const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
/** One L2 table of 8-byte entries fills a cluster: what one L1 entry maps. */
const BYTES_PER_L1_ENTRY = (CLUSTER / 8) * CLUSTER;

/**
 * Makes an empty qcow2 disk (version 3, 64 KiB clusters, lazy refcounts off) that only its owner can read, without qemu-img: Debian's
 * qemu-system packages only recommend it. MACHINE_EXISTS when something is at `path` already.
 *
 * @see https://www.qemu.org/docs/master/interop/qcow2.html
 */
export async function makeQcow2Disk(files: Files, path: string, sizeMiB: number): Promise<void> {
  await assertNothingAt(files, path);
  await files.write(path, qcow2Image(sizeMiB * 1024 * 1024), { mode: 0o600 });
}

/** Clusters: header, refcount table, one refcount block, L1 table. */
function qcow2Image(virtualBytes: number): Uint8Array {
  const l1Entries = Math.max(1, Math.ceil(virtualBytes / BYTES_PER_L1_ENTRY));
  const l1Clusters = Math.ceil((l1Entries * 8) / CLUSTER);
  const clusters = 3 + l1Clusters;
  const image = Buffer.alloc(clusters * CLUSTER);
  image.write("QFI\xfb", 0, "latin1");
  image.writeUInt32BE(3, 4);
  image.writeUInt32BE(CLUSTER_BITS, 20);
  image.writeBigUInt64BE(BigInt(virtualBytes), 24);
  image.writeUInt32BE(l1Entries, 36);
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  image.writeBigUInt64BE(BigInt(CLUSTER), 48);
  image.writeUInt32BE(1, 56); // refcount table clusters
  image.writeUInt32BE(4, 96); // refcount order: 16 bits
  image.writeUInt32BE(104, 100); // header length; an end-of-extensions mark of zeros follows
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let cluster = 0; cluster < clusters; cluster += 1) image.writeUInt16BE(1, 2 * CLUSTER + cluster * 2);
  return image;
}
