// Started by `isolated`: serves the driver that is the default export of the module named on the command line.
import { pathToFileURL } from "node:url";
import type { Driver } from "@mk/core";
import { serveIsolated } from "./serve-isolated.js";

const module = (await import(pathToFileURL(process.argv[2] ?? "").href)) as { readonly default: Driver };
serveIsolated(module.default);
