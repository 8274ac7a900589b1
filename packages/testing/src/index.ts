export { freePort } from "./free-port.js";
export {
  hostInventory,
  type Inventory,
  type InventoryDifference,
  type InventoryScope,
  inventoryDifference,
  type LibvirtPlace,
  libvirtInventory,
} from "./host-inventory.js";
export { live, requireTool, type Suite } from "./live.js";
export { type PrivateLibvirt, privateLibvirt } from "./private-libvirt.js";
export { shareOut } from "./share-out.js";
export { type SshdInit, startSshd, type TestSshd } from "./sshd.js";
export { type TemporaryDirectory, temporaryDirectory } from "./temporary-directory.js";
export { testHome } from "./test-home.js";
export { installTinyImage } from "./tiny-guest/install-tiny-image.js";
export { tinyImage, tinyKernel } from "./tiny-guest/tiny-image.js";
export { findSshd, programPath, type Tool, whyMissing } from "./tool.js";
export { until } from "./until.js";
