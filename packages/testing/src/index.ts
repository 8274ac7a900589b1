export {
  hostInventory,
  type Inventory,
  type InventoryDifference,
  type InventoryScope,
  inventoryDifference,
} from "./host-inventory.js";
export { live, requireTool, type Suite } from "./live.js";
export { type TemporaryDirectory, temporaryDirectory } from "./temporary-directory.js";
export { findSshd, type Tool, whyMissing } from "./tool.js";
export { until } from "./until.js";
