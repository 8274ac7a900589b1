import type { GuestArch } from "@mk/core";
import { XMLParser } from "fast-xml-parser";
import type { Kvm2Config } from "./config.js";
import type { LibvirtUri } from "./libvirt.js";
import { ownerLabel, type QemuOwner } from "./owner-label.js";
import { element, toXml, type XmlElement } from "./xml.js";

/** How the guest reaches the world: a libvirt network (system), or QEMU's own user network with loopback ports (session). */
export type DomainNetwork =
  | { readonly kind: "network"; readonly name: string }
  | {
      readonly kind: "user";
      readonly forwards: readonly {
        readonly hostAddress: string;
        readonly hostPort: number;
        readonly guestPort: number;
      }[];
    };

export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  readonly type: "kvm" | "qemu";
  readonly arch: GuestArch;
  /** As libvirt has it, `pc-q35-7.2`. Default: the newest of the architecture. */
  readonly machineType?: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly cpuModel?: string;
  readonly hidden: boolean;
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  readonly root: string;
  readonly data: string;
  readonly diskCache: Kvm2Config["diskCache"];
  readonly serialLog: string;
  readonly mac: string;
  readonly network: DomainNetwork;
  readonly uri: LibvirtUri;
  readonly owner: QemuOwner;
}

const ARCH = { amd64: { name: "x86_64", newest: "q35" }, arm64: { name: "aarch64", newest: "virt" } } as const;
const QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0";

/** By which a domain is known as mk's, whatever its UUID. */
export function domainTitle(name: string): string {
  return `mk machine ${name}`;
}

// Attribute values as they stand, as in a network's XML.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
});

export interface DomainFacts {
  readonly title?: string;
  readonly machineType?: string;
}

/** What mk needs to know of a domain that libvirt has, as far as it is there. */
export function parseDomainXml(xml: string): DomainFacts {
  const { title, os } = parser.parse(xml).domain ?? {};
  const machineType: unknown = os?.type?.["@machine"];
  return {
    ...(typeof title === "string" && { title }),
    ...(typeof machineType === "string" && { machineType }),
  };
}

/** The domain of a machine: direct kernel boot, two virtio disks, one virtio NIC, the serial port in a file, no display. */
export function domainXml(spec: DomainSpec): string {
  const user = spec.network.kind === "user" ? spec.network : undefined;
  return toXml(
    element(
      "domain",
      { type: spec.type, "xmlns:qemu": user && QEMU_NAMESPACE },
      element("name", {}, spec.name),
      element("uuid", {}, spec.uuid),
      element("title", {}, domainTitle(spec.name)),
      element("memory", { unit: "MiB" }, String(spec.memoryMiB)),
      element("vcpu", {}, String(spec.cpus)),
      element(
        "os",
        {},
        element("type", { arch: ARCH[spec.arch].name, machine: spec.machineType ?? ARCH[spec.arch].newest }, "hvm"),
        element("kernel", {}, spec.kernel),
        element("initrd", {}, spec.initrd),
        element("cmdline", {}, spec.cmdline),
      ),
      element(
        "features",
        {},
        element("acpi"),
        spec.arch === "amd64" && element("apic"),
        spec.arch === "arm64" && element("gic", { version: spec.type === "kvm" ? "host" : 3 }),
        spec.hidden && element("kvm", {}, element("hidden", { state: "on" })),
      ),
      cpuElement(spec),
      element("clock", { offset: "utc" }),
      element("on_poweroff", {}, "destroy"),
      // The guest's init powers off; a reboot keeps the same domain.
      element("on_reboot", {}, "restart"),
      element("on_crash", {}, "destroy"),
      element(
        "devices",
        {},
        disk(spec.root, "vda", "mk-root", { readOnly: true, cache: "default" }),
        disk(spec.data, "vdb", "mk-data", { readOnly: false, cache: spec.diskCache }),
        spec.network.kind === "network" &&
          element(
            "interface",
            { type: "network" },
            element("mac", { address: spec.mac }),
            element("source", { network: spec.network.name }),
            element("model", { type: "virtio" }),
          ),
        element(
          "serial",
          { type: "file" },
          element("source", { path: spec.serialLog, append: "on" }),
          element("target", { port: 0 }),
        ),
        element("rng", { model: "virtio" }, element("backend", { model: "random" }, "/dev/urandom")),
        element("memballoon", { model: "virtio" }),
      ),
      ownerLabel(spec.uri, spec.owner),
      user && userNetwork(user.forwards, spec.mac),
    ),
  );
}

function cpuElement(spec: DomainSpec): XmlElement {
  if (spec.cpuModel !== undefined)
    return element("cpu", { mode: "custom", match: "exact" }, element("model", { fallback: "forbid" }, spec.cpuModel));
  if (spec.type === "kvm") return element("cpu", { mode: "host-passthrough" });
  // "maximum" is QEMU's `max`: all that its emulation can do.
  return element("cpu", { mode: "maximum" });
}

function disk(
  path: string,
  target: string,
  serial: string,
  { readOnly, cache }: { readOnly: boolean; cache: Kvm2Config["diskCache"] },
): XmlElement {
  return element(
    "disk",
    { type: "file", device: "disk" },
    // The format is said, never probed: a guest could write a header that names files of the host.
    element("driver", {
      name: "qemu",
      type: "raw",
      cache: cache === "default" ? undefined : cache,
      discard: readOnly ? undefined : "unmap",
    }),
    element("source", { file: path }),
    element("target", { dev: target, bus: "virtio" }),
    readOnly && element("readonly"),
    element("serial", {}, serial),
  );
}

/** libvirt 9 forwards ports only through passt, which is seldom installed; QEMU's own user network does it everywhere. */
function userNetwork(
  forwards: readonly { readonly hostAddress: string; readonly hostPort: number; readonly guestPort: number }[],
  mac: string,
): XmlElement {
  const rules = forwards
    .map(({ hostAddress, hostPort, guestPort }) => `,hostfwd=tcp:${hostAddress}:${hostPort}-:${guestPort}`)
    .join("");
  const argument = (value: string) => element("qemu:arg", { value });
  return element(
    "qemu:commandline",
    {},
    argument("-netdev"),
    argument(`user,id=mk0${rules}`),
    argument("-device"),
    argument(`virtio-net-pci,netdev=mk0,mac=${mac},addr=0x10`),
  );
}
