export { type Decoded, GobDecoder } from "./gob/decoder.js";
export { GobEncoder, type GobEncoderOptions } from "./gob/encoder.js";
export { GOB_LIMITS, type GobLimits } from "./gob/limits.js";
export {
  type GobField,
  type GobInterfaceValue,
  type GobRegistry,
  type GobSchema,
  type GobShape,
  type GobStructValue,
  type GobValue,
  gob,
  type OpaqueEncoding,
} from "./gob/schema.js";
export { externalDriver, loadExternalDriver } from "./host/load-external-driver.js";
export type { PluginProgram } from "./host/plugin-process.js";
export { type IsolatedOptions, isolated } from "./isolated/isolated.js";
export { type ServePluginOptions, servePlugin } from "./server/serve-plugin.js";
