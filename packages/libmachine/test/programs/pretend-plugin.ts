import { servePlugin } from "../../src/index.js";
import { pretendDriver } from "./pretend-driver.js";

await servePlugin(pretendDriver);
