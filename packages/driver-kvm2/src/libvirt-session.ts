import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import { Libvirt, type LibvirtUri } from "./libvirt.js";
import { LibvirtError } from "./rpc-connection.js";

const RECONNECT_MS = 250;

/** One connection that is opened when it is first needed and opened again after libvirtd's restart. */
export class LibvirtSession {
  readonly #host: Host;
  readonly #uri: LibvirtUri;
  #current: Libvirt | undefined;

  constructor(host: Host, uri: LibvirtUri) {
    this.#host = host;
    this.#uri = uri;
  }

  /** Errors that libvirt answered become DRIVER_FAILED, with its text. */
  async use<T>(signal: AbortSignal, work: (libvirt: Libvirt) => Promise<T>): Promise<T> {
    if (!this.#current || this.#current.closed.aborted)
      this.#current = await Libvirt.connect(this.#host, this.#uri, signal);
    try {
      return await work(this.#current);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      throw new MkError("DRIVER_FAILED", `libvirt: ${error.message}`, {
        hint: "See the log of libvirtd and of the domain in /var/log/libvirt/qemu.",
        cause: error,
      });
    }
  }

  /** As `use`, and once more for as long as the connection breaks rather than the work fails. */
  async useAgain<T>(signal: AbortSignal, work: (libvirt: Libvirt) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.use(signal, work);
      } catch (error) {
        if (!MkError.is(error, "NETWORK_FAILED") && !MkError.is(error, "DRIVER_UNAVAILABLE")) throw error;
        await this.#host.delay(RECONNECT_MS, signal);
      }
    }
  }

  close(): void {
    this.#current?.close();
    this.#current = undefined;
  }
}
