import type { Files } from "@mk/core";
import { MkError } from "@mk/core";

/** What a disk image says about itself in its header. */
export interface DiskImageFacts {
  /** `other`: a format mk does not attach, such as vmdk or vdi. */
  readonly format: "raw" | "qcow2" | "other";
  /** Size of the disk as the guest sees it; the file's size for raw and other images. */
  readonly virtualBytes: number;
  /** Why attaching the image could open files beside it, or fail; empty for a self-contained one. */
  readonly problems: readonly string[];
}

const QCOW_MAGIC = "QFI\xfb";
/** First bytes of formats that name other files: a guest that writes them into its raw disk must gain nothing by it. */
const OTHER_MAGICS = ["KDMV", "COWD", "# Disk DescriptorFile", "conectix", "vhdxfile", "<<< ", "QED\0"];
const INCOMPATIBLE_DATA_FILE = 1n << 2n;

/**
 * Reads the header of a disk image without any tool. Undefined when there is no such file.
 *
 * @see https://www.qemu.org/docs/master/interop/qcow2.html
 */
export async function inspectDiskImage(files: Files, path: string): Promise<DiskImageFacts | undefined> {
  const stat = await files.stat(path);
  if (stat === undefined) return undefined;
  if (stat.kind !== "file") return { format: "other", virtualBytes: 0, problems: [`it is a ${stat.kind}, not a file`] };
  const header = Buffer.from((await files.readBytes(path, { length: 104 })) ?? []);
  const start = header.toString("latin1");
  if (start.startsWith(QCOW_MAGIC)) return qcow2Facts(header);
  const other = OTHER_MAGICS.some((magic) => start.startsWith(magic));
  const problems = other ? ["it is neither raw nor qcow2"] : [];
  return { format: other ? "other" : "raw", virtualBytes: stat.size, problems };
}

/**
 * Refuses an image from elsewhere that could make a hypervisor open other files of the host (CVE-2023-32684), or that is not of the
 * format it is attached as. INTEGRITY with the reason; MACHINE_BROKEN when the file is absent.
 */
export async function assertSelfContained(files: Files, path: string, format: "raw" | "qcow2"): Promise<void> {
  const facts = await inspectDiskImage(files, path);
  if (facts === undefined) throw new MkError("MACHINE_BROKEN", `the disk image ${path} is gone`);
  const problem = facts.problems[0] ?? (facts.format === format ? undefined : `it is ${facts.format}, not ${format}`);
  if (problem === undefined) return;
  throw new MkError("INTEGRITY", `the disk image ${path} was refused: ${problem}`, {
    hint: "Use an image that was made without a backing file.",
    details: { path, problem },
  });
}

function qcow2Facts(header: Buffer): DiskImageFacts {
  if (header.length < 72) return { format: "qcow2", virtualBytes: 0, problems: ["its header is cut off"] };
  const version = header.readUInt32BE(4);
  const problems: string[] = [];
  if (version !== 2 && version !== 3) problems.push(`it is qcow version ${version}`);
  if (header.readBigUInt64BE(8) !== 0n) problems.push("it names a backing file");
  if (header.readUInt32BE(32) !== 0) problems.push("it is encrypted");
  if (version === 3 && header.length >= 80 && (header.readBigUInt64BE(72) & INCOMPATIBLE_DATA_FILE) !== 0n) {
    problems.push("it keeps its data in another file");
  }
  return { format: "qcow2", virtualBytes: Number(header.readBigUInt64BE(24)), problems };
}
