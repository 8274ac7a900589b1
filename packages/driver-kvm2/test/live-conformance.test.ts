import { conformance } from "@mk/conformance";
import { libvirtInventory, live, privateLibvirt, temporaryDirectory, tinyImage } from "@mk/testing";
import { afterAll } from "vitest";
import kvm2 from "../src/index.js";
import { libvirtHost } from "./libvirt-host.js";

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

suite("with a tiny guest on a real libvirt", () => {
  conformance(kvm2, {
    host: async () => libvirtHost(await libvirt()),
    mode: "live",
    image,
    inventory: async () => libvirtInventory(["mk-conf-", "mk-probe-"], await libvirt()),
    spec: { arch: "amd64", cpus: 1, memoryMiB: 64, diskMiB: 16 },
  });
});
