import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Version of @mk/cli. The manifest lies one directory above, from the sources as from the bundle. */
export const version: string = require("../package.json").version;
