import type { MachineSpec } from "@mk/core";
import { describe, expect, it } from "vitest";
import type { CreateFlag } from "../protocol/flags.js";
import { flagOptions, flagValues, isSecretFlag } from "./option-specs.js";

const text = (name: string, value = ""): CreateFlag => ({ kind: "string", name, usage: "", env: "", default: value });
const number = (name: string, value: number): CreateFlag => ({
  kind: "integer",
  name,
  usage: "",
  env: "",
  default: value,
});
const keys = (driver: string, flags: readonly CreateFlag[]) => flagOptions(driver, flags).map(({ key }) => key);

const spec: MachineSpec = {
  name: "m",
  id: "0d5ca1e4-8c2e-4f43-9a5f-3f6f5e6ad0b0",
  cpus: 3,
  memoryMiB: 3000,
  diskMiB: 30_000,
  arch: "amd64",
  mounts: [],
  ports: [],
};

describe("create flags as options", () => {
  it("are named without the driver's name, in camel case", () => {
    expect(keys("virtualbox", [text("virtualbox-boot2docker-url"), text("url"), text("virtualbox-UI_type")])).toEqual([
      "boot2dockerUrl",
      "url",
      "uiType",
    ]);
  });

  it("keep their whole names where two would be the same", () => {
    expect(keys("x", [text("x-url"), text("url"), text("x-URL")])).toEqual(["url", "xUrl"]);
  });

  it.each([
    ["hetzner-api-token", true],
    ["amazonec2-secret-key", true],
    ["openstack-password", true],
    ["vmwarevsphere-password", true],
    ["azure-client-secret", true],
    ["google-auth-token", true],
    ["generic-ssh-key", false],
    ["openstack-keypair-name", false],
    ["amazonec2-ssh-keypath", false],
    ["virtualbox-memory", false],
    ["azure-docker-port", false],
  ])("are secret when their names say so: %s", (name, isSecret) => {
    expect(isSecretFlag(name)).toBe(isSecret);
  });

  it("follow mk's own settings where they mean the same, and only there", () => {
    const options = flagOptions("virtualbox", [
      number("virtualbox-cpu-count", 1),
      number("virtualbox-memory", 1024),
      number("virtualbox-disk-size", 20_000),
      number("other-memory", 1024),
      number("virtualbox-memory-size", 8),
      text("virtualbox-ui", "headless"),
    ]);
    expect(flagValues(options, spec, {})).toEqual({
      "virtualbox-cpu-count": 3,
      "virtualbox-memory": 3000,
      "virtualbox-disk-size": 30_000,
      "other-memory": 1024,
      "virtualbox-memory-size": 8,
      "virtualbox-ui": "headless",
      "swarm-master": false,
      "swarm-host": "tcp://0.0.0.0:3376",
      "swarm-discovery": "",
    });
    expect(flagValues(options, spec, { memory: 512, ui: "gui" })).toMatchObject({
      "virtualbox-memory": 512,
      "virtualbox-ui": "gui",
    });
  });
});
