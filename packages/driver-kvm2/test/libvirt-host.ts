import { createNodeHost, type Host } from "@mk/core";
import type { PrivateLibvirt } from "@mk/testing";

/** This computer, on which the private libvirt is the system's. */
export function libvirtHost({ directory }: PrivateLibvirt): Host & AsyncDisposable {
  const host = createNodeHost({ home: directory.join("home") });
  const { network } = host;
  return Object.assign(Object.create(host) as Host, {
    network: {
      leasePort: network.leasePort.bind(network),
      usedSubnets: network.usedSubnets.bind(network),
      interfaceSubnets: network.interfaceSubnets.bind(network),
      connect: (target: Parameters<typeof network.connect>[0], signal: AbortSignal) =>
        network.connect(
          "path" in target ? { path: target.path.replace(/^\/run\/libvirt\//, directory.join("run/")) } : target,
          signal,
        ),
    },
    [Symbol.asyncDispose]: async () => {},
  });
}
