import { type MachineSpec, parseSubnet } from "@mk/core";
import { describe, expect, test } from "vitest";
import { containerRequest } from "../src/container-request.js";
import { networkRequest } from "../src/network.js";
import { ALL_CAPABILITIES } from "../src/privileges.js";
import { volumeRequest } from "../src/volume.js";
import { scriptedMachine } from "./scripted-machine.js";

/** What shells, query strings, JSON, XML and docker's own `a:b:c` forms trip over. */
const HOSTILE = `/srv/o'clock "x" <y>&z, a;b $HOME $(id) 50% é:ro?x=1#\\`;

const spec: MachineSpec = {
  name: "golden",
  id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
  cpus: 2,
  memoryMiB: 2048,
  diskMiB: 20480,
  arch: "amd64",
  imageDigest: `sha256:${"5e".repeat(32)}`,
  mounts: [
    { source: HOSTILE, target: "/mnt/<'hostile'> & \"quoted\"", readOnly: true },
    { source: "/home/user", target: "/mnt/home", readOnly: false },
  ],
  ports: [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
};

const facts = { limits: { cpu: true, memory: true, swap: true }, isUserRemapped: false, cpus: 8 };
const ports = [
  { guestPort: 22, hostAddress: "127.0.0.1", hostPort: 40022 },
  { guestPort: 2376, hostAddress: "127.0.0.1", hostPort: 42376 },
  ...spec.ports,
];
const parts = { spec, image: `sha256:${"1a".repeat(32)}`, address: "192.168.130.2", ports, modules: "/lib/modules" };
const capabilities = ALL_CAPABILITIES.filter((name) => name !== "SYS_RESOURCE");

describe("the create request", () => {
  test.each([
    ["privileged", containerRequest({ ...parts, facts, privileges: { mode: "privileged" } })],
    [
      "capabilities",
      containerRequest({ ...parts, facts, privileges: { mode: "capabilities", capabilities, devices: ["/dev/kmsg"] } }),
    ],
    [
      "unlimited-remapped",
      containerRequest({
        ...parts,
        modules: undefined,
        facts: { ...facts, limits: { cpu: false, memory: false, swap: false }, isUserRemapped: true },
        privileges: { mode: "privileged" },
      }),
    ],
    ["network", networkRequest(spec, parseSubnet("192.168.130.0/24") ?? expect.fail(), "1400")],
    ["volume", volumeRequest(spec)],
  ])("is this: %s", async (name, request) => {
    await expect(`${JSON.stringify(request, null, 2)}\n`).toMatchFileSnapshot(`golden/${name}.golden.json`);
  });

  test("reaches the engine with names and paths as they were given", async () => {
    const { machine, op, engine } = await scriptedMachine({ spec: { mounts: spec.mounts, ports: spec.ports } });
    await machine.create(op);
    const [container] = engine.containers.values();
    expect(container?.request.HostConfig.Mounts?.filter(({ Type }) => Type === "bind")).toEqual(
      spec.mounts.map(({ source, target, readOnly }) => ({
        Type: "bind",
        Source: source,
        Target: target,
        ReadOnly: readOnly,
      })),
    );
  });

  test("is sent to a path that no name can leave", async () => {
    const id = `../../images/x?force=1#' "`;
    const { engine, op, machine } = await scriptedMachine({ spec: { name: "m", id } });
    await machine.create(op);
    await machine.remove(op);
    expect(engine.requests.filter((request) => request.includes("images/x"))).toEqual([]);
    expect(engine.inventory()).toEqual(["network bridge"]);
  });
});
