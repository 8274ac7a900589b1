import { MkError, type MkErrorCode } from "@mk/core";

interface Known {
  readonly says: RegExp;
  readonly code: MkErrorCode;
  readonly what: string;
  readonly hint: string;
}

/** What HyperKit prints before it gives up, by its source. */
const KNOWN: readonly Known[] = [
  {
    says: /Could not create vmnet interface/,
    code: "PERMISSION_DENIED",
    what: "macOS refused the vmnet network",
    hint: "Let mk run HyperKit as root: vmnet is for root alone.",
  },
  {
    says: /Unable to create VM/,
    code: "DRIVER_UNAVAILABLE",
    what: "macOS refused to create the VM",
    hint: "Sign hyperkit with the entitlement com.apple.security.hypervisor, and check that no other hypervisor holds the CPU.",
  },
  {
    says: /Could not lock backing file/,
    code: "MACHINE_BUSY",
    what: "another process holds the machine's disk",
    hint: "End the process that uses the machine's data.img.",
  },
  {
    says: /Could not open backing file/,
    code: "MACHINE_BROKEN",
    what: "a disk of the machine cannot be opened",
    hint: "Check that the machine's data.img and the guest image are there, or delete the machine.",
  },
  {
    says: /failed to load (kernel|initrd)/,
    code: "IMAGE_ABSENT",
    what: "the guest's kernel cannot be loaded",
    hint: "Build the guest image again with mk image build.",
  },
  {
    says: /Unable to setup memory/,
    code: "DRIVER_FAILED",
    what: "macOS gave the VM no memory",
    hint: "Ask for less memory.",
  },
];

/** The error for a HyperKit that ended while it was starting, by what it wrote. */
export function launchError(name: string, output: string, exitCode: number | null): MkError {
  const tail = output.trim().slice(-1000);
  const known = KNOWN.find(({ says }) => says.test(output));
  const how = exitCode === null ? "was ended by a signal" : `ended with exit code ${exitCode}`;
  const message = `HyperKit ${how} while it started machine "${name}": ${known?.what ?? (tail || "it wrote nothing")}`;
  return new MkError(known?.code ?? "DRIVER_FAILED", message, {
    hint: known?.hint ?? "Read hyperkit.log in the machine's directory.",
    details: { exitCode, output: tail },
    cause: new Error(tail),
  });
}
