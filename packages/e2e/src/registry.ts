import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { runServer } from "verdaccio";
import { runTool } from "./run-tool.js";

/** How a listening verdaccio looks from here: an http.Server. */
interface Server {
  listen(port: number, host: string): unknown;
  close(callback: () => void): void;
  closeAllConnections(): void;
  address(): AddressInfo;
  once(event: string, listener: () => void): unknown;
}

/** A package registry on loopback with our packages in it; all others come through it from the registry npm is set to. */
export class Registry implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${server.address().port}/`;
  }

  static async start(directory: string, env: Readonly<Record<string, string>>): Promise<Registry> {
    const { stdout } = await runTool("npm", ["config", "get", "registry"], { cwd: directory, env });
    const server = (await runServer({
      self_path: directory,
      storage: join(directory, "storage"),
      uplinks: { upstream: { url: stdout.trim(), maxage: "60m", timeout: "60s" } },
      packages: {
        "@mk/*": { access: "$all", publish: "$all" },
        "mk-driver-*": { access: "$all", publish: "$all" },
        "**": { access: "$all", proxy: "upstream" },
      },
      log: { type: "stderr", level: "fatal" },
      max_body_size: "200mb",
    } as never)) as Server;
    const listening = once(server as never, "listening");
    server.listen(0, "127.0.0.1");
    await listening;
    return new Registry(server);
  }

  /** Publishes a tarball as npm does: one document with the manifest and the tarball in it. */
  async publish(tarball: string): Promise<void> {
    const data = await readFile(tarball);
    const { stdout } = await runTool("tar", ["-xzOf", tarball, "package/package.json"], {
      cwd: "/",
      env: { PATH: process.env.PATH ?? "" },
    });
    const manifest = JSON.parse(stdout) as { name: string; version: string };
    const file = `${manifest.name}-${manifest.version}.tgz`;
    const dist = {
      integrity: `sha512-${createHash("sha512").update(data).digest("base64")}`,
      shasum: createHash("sha1").update(data).digest("hex"),
      tarball: `${this.url}${manifest.name}/-/${basename(file)}`,
    };
    const response = await fetch(`${this.url}${manifest.name.replace("/", "%2f")}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        _id: manifest.name,
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, _id: `${manifest.name}@${manifest.version}`, dist } },
        _attachments: {
          [file]: { content_type: "application/octet-stream", data: data.toString("base64"), length: data.length },
        },
      }),
    });
    if (!response.ok) throw new Error(`publishing ${file}: ${response.status} ${await response.text()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(resolve));
  }
}
