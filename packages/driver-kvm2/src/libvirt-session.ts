import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import { Libvirt, type LibvirtUri } from "./libvirt.js";
import { libvirtFailure } from "./libvirt-failure.js";
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

  /** Errors that libvirt answered become DRIVER_FAILED, or what {@link libvirtFailure} knows of them, with libvirt's text. */
  async use<T>(signal: AbortSignal, work: (libvirt: Libvirt) => Promise<T>): Promise<T> {
    const libvirt = await this.#open(signal);
    try {
      return await work(libvirt);
    } catch (error) {
      throw error instanceof LibvirtError ? libvirtFailure(error, this.#uri) : error;
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

  async #open(signal: AbortSignal): Promise<Libvirt> {
    if (this.#current && !this.#current.closed.aborted) return this.#current;
    const opened = await Libvirt.connect(this.#host, this.#uri, signal);
    // Another call may have been faster; a connection that nobody closes would keep mk from ending.
    if (this.#current && !this.#current.closed.aborted) {
      opened.close();
      return this.#current;
    }
    this.#current = opened;
    return opened;
  }
}
