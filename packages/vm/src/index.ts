export { type DiskFormat, growRawDisk, makeRawDisk } from "./disk.js";
export { assertSelfContained } from "./disk-image.js";
export { buildKernelCommandLine, type KernelParameters, USER_NETWORK } from "./kernel-command-line.js";
export { type DhcpLease, findLease, parseDhcpdLeases } from "./leases.js";
export { deriveMacAddress, normalizeMacAddress } from "./mac-address.js";
export { makeQcow2Disk } from "./qcow2.js";
export { writeSeedArchive } from "./seed-archive.js";
export { serialConsole } from "./serial-console.js";
