import { conformance } from "@mk/conformance";
import type { Host } from "@mk/core";
import { libvirtInventory, live, temporaryDirectory, tinyImage } from "@mk/testing";
import { afterAll } from "vitest";
import kvm2 from "../src/index.js";
import { privateLibvirt } from "./private-libvirt.js";

const suite = await live({ needs: ["libvirt", "linux", "root", "program:qemu-system-x86_64", "program:unshare"] });

// A guest that starts in milliseconds: the whole contract, without an image.
const directory = await temporaryDirectory("mk-kvm2-guest-");
const image = await tinyImage(directory.path, "amd64");
// One for all tests, so that what KVM is good for here is found once.
let starting: ReturnType<typeof privateLibvirt> | undefined;
const libvirt = () => (starting ??= privateLibvirt());

afterAll(async () => {
  await (await starting)?.[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function liveHost(): Promise<Host & AsyncDisposable> {
  const { host } = await libvirt();
  return Object.assign(Object.create(host) as Host, { [Symbol.asyncDispose]: async () => {} });
}

suite("with a tiny guest on a real libvirt", () => {
  conformance(kvm2, {
    host: liveHost,
    mode: "live",
    image,
    inventory: async () => libvirtInventory(["mk-conf-", "mk-probe-"], await libvirt()),
    spec: { arch: "amd64", cpus: 1, memoryMiB: 64, diskMiB: 16 },
  });
});
