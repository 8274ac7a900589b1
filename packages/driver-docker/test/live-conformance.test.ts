import { conformance } from "@mk/conformance";
import { createNodeHost, type Host } from "@mk/core";
import { live, temporaryDirectory } from "@mk/testing";
import { afterAll } from "vitest";
import dockerDriver from "../src/index.js";
import { docker } from "./docker.js";
import { testImage, tinyImage } from "./guest-image.js";

const suite = await live({ needs: ["docker", "linux"] });

// The real engine with a guest that starts in milliseconds: the whole contract.
const directory = await temporaryDirectory("mk-docker-");
const image = await tinyImage(await testImage(), directory.join("root.oci.tar"));
afterAll(async () => {
  await directory[Symbol.asyncDispose]();
  const id = await docker("images", "--quiet", "--filter", `label=dev.mk.image=${image.digest}`);
  if (id !== "") await docker("rmi", "--force", id);
});

/** One cache of facts for all tests: what the engine grants is found once. */
function liveHost(): Host & AsyncDisposable {
  return Object.assign(createNodeHost({ home: directory.join("home") }), { [Symbol.asyncDispose]: async () => {} });
}

/** The objects of this run's machines; others use the engine at the same time. */
async function inventory(): Promise<readonly string[]> {
  const filter = ["--filter", "label=dev.mk.name"];
  const lists = await Promise.all([
    docker("ps", "--all", ...filter, "--format", "container {{.Names}}"),
    docker("network", "ls", ...filter, "--format", "network {{.Name}}"),
    docker("volume", "ls", ...filter, "--format", "volume {{.Name}}"),
  ]);
  return lists.flatMap((text) => text.split("\n")).filter((line) => line.includes("mk-conf-"));
}

suite("on a real engine", () => {
  conformance(dockerDriver, {
    host: async () => liveHost(),
    mode: "live",
    image,
    inventory,
    spec: { cpus: 1, memoryMiB: 128 },
  });
});
