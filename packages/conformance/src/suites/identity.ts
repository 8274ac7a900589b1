import { CONTRACT_VERSION, type DriverPriority } from "@mk/core";
import { expect } from "vitest";
import { type Suite, suiteOf } from "../contract-test.js";

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const PRIORITIES: readonly DriverPriority[] = [
  "highly-preferred",
  "preferred",
  "default",
  "fallback",
  "deprecated",
  "discouraged",
  "experimental",
  "obsolete",
];

/** The facts of a driver, readable without running anything. */
export const identity: Suite = ({ driver }) =>
  suiteOf("identity", {
    "has a name of lower-case letters, digits and dashes": () => {
      expect(driver.name).toMatch(NAME);
    },
    "has aliases of the same form, none of them twice": () => {
      const names = [driver.name, ...driver.aliases];
      for (const alias of driver.aliases) expect(alias).toMatch(NAME);
      expect(new Set(names).size).toBe(names.length);
    },
    "says in one line what it is": () => {
      expect(driver.summary).toMatch(/^\S.{3,79}$/);
      expect(driver.summary).not.toMatch(/[.\s]$/);
    },
    "is written for this version of the contract": () => {
      expect(driver.contract).toBe(CONTRACT_VERSION);
    },
    "has a priority of minikube's ladder": () => {
      expect(PRIORITIES).toContain(driver.priority);
    },
    "has traits that do not contradict each other": () => {
      const { isolation, image, parallel, privileged } = driver.traits;
      expect(["vm", "container", "none"]).toContain(isolation);
      expect(["vm", "oci", "none"]).toContain(image);
      expect([typeof parallel, typeof privileged]).toEqual(["boolean", "boolean"]);
      if (image === "vm") expect(isolation, "a VM image boots in a VM").toBe("vm");
      if (image === "oci") expect(isolation, "an OCI image runs in a container").toBe("container");
    },
    "runs out of process when its code needs privileges": () => {
      if (driver.traits.privileged) expect(driver.external).toBe(true);
    },
    "is frozen": () => {
      expect(Object.isFrozen(driver)).toBe(true);
    },
  });
