#!/usr/bin/env node
// `docker-machine-driver-mkqemu`: this driver for docker-machine and rancher-machine.
import { servePlugin } from "@mk/libmachine";
import driver from "./index.js";

await servePlugin(driver);
