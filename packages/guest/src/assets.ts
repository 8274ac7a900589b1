import { readFile } from "node:fs/promises";

// This file must stay directly below `src`: from there as from the bundle in `dist`, the package's root is one level up.
const root = new URL("../", import.meta.url);

/** Reads Debian's archive keys: the file debian-archive-keyring.pgp of Debian's package debian-archive-keyring, unchanged. */
export const readArchiveKeyring = (): Promise<Uint8Array> => readFile(new URL("data/debian-archive-keyring.pgp", root));

/** The directory whose files are laid over the guest's root as they are. */
export const rootfsDirectory = new URL("rootfs/", root);

/** The program of the threads that decompress. */
export const unxzThread = new URL("threads/unxz.mjs", root);

/** Reads the first program of the guest. */
export const readInitramfsInit = async (): Promise<string> =>
  (await readFile(new URL("initramfs/init", root), "utf8")).replaceAll("\r\n", "\n");
