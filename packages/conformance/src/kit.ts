import type { Driver } from "@mk/core";
import { type ContractTest, type Subject, type Suite, subjectOf } from "./contract-test.js";
import type { ConformanceSetup } from "./setup.js";
import { abilities } from "./suites/abilities.js";
import { absent } from "./suites/absent.js";
import { cancellation } from "./suites/cancellation.js";
import { config } from "./suites/config.js";
import { facts } from "./suites/facts.js";
import { faults } from "./suites/faults.js";
import { handles } from "./suites/handles.js";
import { identity } from "./suites/identity.js";
import { lifecycle } from "./suites/lifecycle.js";
import { manifest } from "./suites/manifest.js";
import { options } from "./suites/options.js";
import { secrets } from "./suites/secrets.js";
import { states } from "./suites/states.js";
import { status } from "./suites/status.js";
import { steps } from "./suites/steps.js";
import { truth } from "./suites/truth.js";

const SUITES: readonly Suite[] = [
  identity,
  manifest,
  options,
  config,
  status,
  lifecycle,
  states,
  handles,
  facts,
  steps,
  cancellation,
  faults,
  truth,
  secrets,
  abilities,
  absent,
];

/** All tests that the driver's shape calls for. Looks at the driver once, on a host of its own. */
export async function contractTests(driver: Driver, setup: ConformanceSetup): Promise<readonly ContractTest[]> {
  return testsFor(await subjectOf(driver, setup));
}

export function testsFor(subject: Subject): readonly ContractTest[] {
  return SUITES.flatMap((suite) => suite(subject));
}
