import { scriptedHost } from "@mk/conformance";
import { vm } from "./program.js";

export const processHost = async () => scriptedHost({ programs: { vm, "vm-version": () => 0 } });
