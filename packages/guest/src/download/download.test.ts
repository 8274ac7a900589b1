import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { httpServer, serveBytes } from "../../test/fixtures/http-server.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { type DownloadOptions, type DownloadRequest, download } from "./download.js";
import { httpClient, proxyFromEnvironment } from "./http-client.js";

const body = randomBytes(200_000);
const sha256 = createHash("sha256").update(body).digest("hex");
const get = httpClient({});

const request = (url: string): DownloadRequest => ({
  name: "docker.io 26.1",
  urls: [`${url}/file`],
  sha256,
  size: body.length,
});

const options = async (more: Partial<DownloadOptions> = {}): Promise<DownloadOptions> => ({
  signal: new AbortController().signal,
  directory: join(await temporaryDirectory(), "downloads"),
  get,
  retryDelayMs: 1,
  attempts: 3,
  ...more,
});

const contentsAre = async (path: string): Promise<boolean> => (await readFile(path)).equals(body);

test("brings a file and counts its bytes", async () => {
  const server = await httpServer((request, response) => serveBytes(body, request, response));
  let bytes = 0;
  const given = await options({ onBytes: (more) => (bytes += more) });
  const path = await download(request(server.url), given);
  expect(await contentsAre(path)).toBe(true);
  expect(bytes).toBe(body.length);
  expect(await readdir(given.directory)).toEqual([sha256]);
});

test("does not fetch what is there", async () => {
  const server = await httpServer((request, response) => serveBytes(body, request, response));
  const given = await options();
  await download(request(server.url), given);
  await download(request(server.url), given);
  expect(server.requests).toHaveLength(1);
});

test("does not believe what is there: a changed file is fetched anew", async () => {
  const server = await httpServer((request, response) => serveBytes(body, request, response));
  const given = await options();
  const path = await download(request(server.url), given);
  await writeFile(path, flipped);
  expect(await contentsAre(await download(request(server.url), given))).toBe(true);
  expect(server.requests).toHaveLength(2);
});

test("goes on from wherever the connection broke", async () => {
  const cuts = [
    0,
    1,
    2,
    4095,
    4096,
    50_000,
    199_999,
    ...Array.from({ length: 18 }, () => Math.floor(Math.random() * body.length)),
  ];
  for (const cut of cuts) {
    const server = await httpServer((request, response, count) => {
      if (count > 1) return serveBytes(body, request, response);
      response.writeHead(200, { etag: '"1"', "content-length": body.length });
      response.write(body.subarray(0, cut), () => response.destroy());
    });
    let bytes = 0;
    const path = await download(request(server.url), await options({ onBytes: (more) => (bytes += more) }));
    expect(await contentsAre(path), `cut at ${cut}`).toBe(true);
    expect(bytes, `cut at ${cut}`).toBe(body.length);
    expect(server.requests).toHaveLength(2);
  }
}, 60_000);

test("starts over when the file changed on the server in between", async () => {
  const server = await httpServer((request, response) => serveBytes(body, request, response, '"2"'));
  const given = await options();
  await mkdir(given.directory);
  await writeFile(join(given.directory, `${sha256}.part`), Buffer.alloc(1000, "old"));
  await writeFile(join(given.directory, `${sha256}.part.etag`), `${server.url}\n"1"`);
  expect(await contentsAre(await download(request(server.url), given))).toBe(true);
  expect(server.requests).toEqual(["GET /file bytes=1000-"]);
});

test("drops a partial file that turns out to be wrong, and fetches it anew", async () => {
  const server = await httpServer((request, response) => serveBytes(body, request, response));
  const given = await options();
  await mkdir(given.directory);
  await writeFile(join(given.directory, `${sha256}.part`), Buffer.alloc(1000, "wrong"));
  expect(await contentsAre(await download(request(server.url), given))).toBe(true);
  expect(server.requests).toEqual(["GET /file bytes=1000-", "GET /file -"]);
});

test("asks the next mirror when one has something else", async () => {
  const bad = await httpServer((_, response) => response.end(Buffer.alloc(body.length)));
  const good = await httpServer((request, response) => serveBytes(body, request, response));
  const path = await download({ ...request(""), urls: [`${bad.url}/file`, `${good.url}/file`] }, await options());
  expect(await contentsAre(path)).toBe(true);
});

const flipped = Buffer.from(body);
flipped[100_000]! ^= 1;

test.each<[string, Parameters<typeof httpServer>[0]]>([
  ["a flipped byte", (request, response) => serveBytes(flipped, request, response)],
  ["more than it should be", (_, response) => void response.write(body, () => response.end(Buffer.alloc(10)))],
  [
    "the page of a captive portal",
    (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>".padEnd(body.length)),
  ],
])("refuses %s and leaves nothing behind", async (_, handle) => {
  const server = await httpServer(handle);
  const given = await options();
  await expect(download(request(server.url), given)).rejects.toMatchObject({ code: "INTEGRITY" });
  expect((await readdir(given.directory)).filter((name) => !name.endsWith(".etag"))).toEqual([]);
});

test("keeps a partial file through answers that are of no use", async () => {
  const useless: readonly Parameters<typeof httpServer>[0][] = [
    (_, response) => response.writeHead(200, { "content-length": 10 }).end("log in now"),
    (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("0123456789"),
    (_, response) => response.writeHead(503).end(),
  ];
  const server = await httpServer((request, response, count) =>
    (useless[count - 1] ?? ((request, response) => serveBytes(body, request, response)))(request, response, count),
  );
  const given = await options({ attempts: 4 });
  await mkdir(given.directory);
  await writeFile(join(given.directory, `${sha256}.part`), body.subarray(0, 1000));
  expect(await contentsAre(await download(request(server.url), given))).toBe(true);
  expect(server.requests).toEqual(Array.from({ length: 4 }, () => "GET /file bytes=1000-"));
});

test.each<[string, Parameters<typeof httpServer>[0]]>([
  [
    "another range than the one that was asked for",
    (_, response) => response.writeHead(206, { "content-range": `bytes 0-9/${body.length}` }).end("0123456789"),
  ],
  ["that there is no such range", (_, response) => response.writeHead(416).end()],
])("asks a server that answers %s for the whole, and keeps the partial file until it comes", async (_, refuse) => {
  let isWhole = false;
  const server = await httpServer((request, response, count) => {
    if (request.headers.range !== undefined) return void refuse(request, response, count);
    if (isWhole) return serveBytes(body, request, response);
    response.writeHead(503).end();
  });
  const given = await options({ attempts: 1 });
  await mkdir(given.directory);
  const part = join(given.directory, `${sha256}.part`);
  await writeFile(part, body.subarray(0, 1000));
  await expect(download(request(server.url), given)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  expect((await readFile(part)).length).toBe(1000);
  isWhole = true;
  expect(await contentsAre(await download(request(server.url), given))).toBe(true);
});

test.each<[string, Parameters<typeof httpServer>[0]]>([
  ["has another length", (_, response) => response.writeHead(200, { "content-length": 10 }).end(Buffer.alloc(10))],
  [
    "is compressed, which was not asked for",
    (_, response) =>
      response
        .writeHead(200, { "content-encoding": "gzip" })
        .end(Buffer.from("H4sIAAAAAAAAAwMAAAAAAAAAAAA=", "base64")),
  ],
  ["is not found", (_, response) => response.writeHead(404).end()],
  ["wants a password", (_, response) => response.writeHead(401).end()],
  ["is redirected in a circle", (request, response) => response.writeHead(302, { location: request.url }).end()],
  [
    "is redirected to another protocol",
    (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
  ],
  [
    "is cut every time",
    (_, response) => response.writeHead(200, { "content-length": body.length }).write("x", () => response.destroy()),
  ],
])("reports a file that %s as not downloaded", async (_, handle) => {
  const server = await httpServer(handle);
  await expect(download(request(server.url), await options())).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringContaining("docker.io 26.1 could not be downloaded"),
  });
});

test("gives up a server that stops sending, and keeps what it has", async () => {
  const server = await httpServer((_, response) => {
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, 1000));
  });
  const given = await options({ stallMs: 50, attempts: 1 });
  await expect(download(request(server.url), given)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  expect((await readFile(join(given.directory, `${sha256}.part`))).length).toBe(1000);
});

test("ends with the reason of its signal, and goes on from there the next time", async () => {
  const reason = new Error("Ctrl-C");
  const aborter = new AbortController();
  const server = await httpServer((request, response, count) => {
    if (count > 1) return serveBytes(body, request, response);
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, 1000));
  });
  const given = await options({ signal: aborter.signal, onBytes: (bytes) => bytes > 0 && aborter.abort(reason) });
  await expect(download(request(server.url), given)).rejects.toBe(reason);
  expect(
    await contentsAre(await download(request(server.url), { ...given, signal: new AbortController().signal })),
  ).toBe(true);
  expect(server.requests[1]).toBe("GET /file bytes=1000-");
});

test("goes through a proxy where one is set, and not where none is to be used", async () => {
  const server = await httpServer((request, response) => serveBytes(body, request, response));
  const proxy = await httpServer((request, response) => serveBytes(body, request, response));
  const env = { http_proxy: proxy.url };
  const through = await options({ get: httpClient(proxyFromEnvironment(env)) });
  expect(await contentsAre(await download(request("http://mirror.invalid"), through))).toBe(true);
  expect(proxy.requests).toEqual(["GET http://mirror.invalid/file -"]);
  const direct = await options({ get: httpClient(proxyFromEnvironment({ ...env, no_proxy: "127.0.0.1" })) });
  expect(await contentsAre(await download(request(server.url), direct))).toBe(true);
  expect(server.requests).toHaveLength(1);
});

test("a proxy that wants a password is reported", async () => {
  const proxy = await httpServer((_, response) => response.writeHead(407).end());
  const given = await options({ get: httpClient(proxyFromEnvironment({ http_proxy: proxy.url })), attempts: 1 });
  await expect(download(request("http://mirror.invalid"), given)).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
  });
});
