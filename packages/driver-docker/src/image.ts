import { Readable } from "node:stream";
import {
  type GuestImage,
  type Host,
  type MachineContext,
  MkError,
  type Operation,
  type Progress,
  raceAbort,
} from "@mk/core";
import { listContainers } from "./container.js";
import type { Engine } from "./engine.js";
import { asArray, asList, asRecord, asString, asStrings, type JsonRecord } from "./json-reader.js";
import { LABELS } from "./labels.js";

const REPOSITORY = "mk-guest";
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Imports of this process under way, so that machines made at once share one. Keys name the engine and the digest. */
const importing = new Map<string, Promise<string>>();

/**
 * Id of the guest image in the engine, imported when the engine has none of that digest. An image is found by its label, never by its
 * tag, which anyone may move. Older guest images that no container uses are removed.
 */
export async function ensureImage(engine: Engine, context: MachineContext, op: Operation): Promise<string> {
  const { host, spec } = context;
  // mk's own copy may be gone by now: the engine's is enough.
  const present = spec.imageDigest === undefined ? undefined : await findImage(engine, spec.imageDigest, op.signal);
  if (present !== undefined) return present;
  const image = await context.image();
  return op.step("import", "importing the guest image into the engine", async (report) => {
    const key = `${engine.place.host} ${image.digest}`;
    const running = importing.get(key);
    // Another machine's import may be aborted with its operation; then this one does it itself.
    if (running !== undefined) {
      await raceAbort(
        running.catch(() => undefined),
        op.signal,
      );
    }
    const shared = running === undefined ? undefined : await findImage(engine, image.digest, op.signal);
    if (shared !== undefined) return shared;
    const work = importImage(engine, host, image, report, op.signal);
    importing.set(key, work);
    try {
      return await work;
    } finally {
      importing.delete(key);
    }
  });
}

/** Id of the engine's image of this digest; the oldest when two processes imported it at once. */
export async function findImage(engine: Engine, digest: string, signal: AbortSignal): Promise<string | undefined> {
  const images = await listImages(engine, `${LABELS.image}=${digest}`, signal);
  return images.sort((one, other) => one.created - other.created || (one.id < other.id ? -1 : 1))[0]?.id;
}

async function importImage(
  engine: Engine,
  host: Host,
  image: GuestImage,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<string> {
  const stat = await host.files.stat(image.oci);
  if (stat === undefined) {
    throw new MkError(
      "IMAGE_ABSENT",
      `the guest image ${image.digest} has no container image: ${image.oci} is not there`,
      {
        hint: "Build it again with 'mk image build'.",
      },
    );
  }
  const { body } = await engine.call(
    {
      method: "POST",
      path: ["images", "create"],
      query: {
        fromSrc: "-",
        repo: REPOSITORY,
        tag: tagOf(image.digest),
        message: "imported by mk",
        changes: [`LABEL ${LABELS.image}=${image.digest}`],
      },
      upload: Readable.from(chunksOf(host, image.oci, stat.size, report), { objectMode: false }),
    },
    signal,
  );
  // The status was sent before the import began: a failure is in the last line.
  const last = asRecord(body, "the import's result");
  if (typeof last.error === "string") {
    const isFull = /no space left/i.test(last.error);
    throw new MkError(
      isFull ? "NO_SPACE" : "DRIVER_FAILED",
      `the Docker Engine could not import ${image.oci}: ${last.error}`,
      {
        hint: isFull
          ? "Free space on the engine's disk, for example with 'docker system prune'."
          : "Build the image again with 'mk image build'.",
      },
    );
  }
  const made = asString(last.status, "the imported image's id");
  await removeOthers(engine, image.digest, host.now(), signal);
  return (await findImage(engine, image.digest, signal)) ?? made;
}

/** A younger image may be one that another mk has imported and makes its first container of just now. */
const SETTLED_MS = 60 * 60_000;

/** What no machine uses any more: duplicates of a race, and images of older digests. Images are a cache, this bounds it. */
async function removeOthers(engine: Engine, digest: string, now: number, signal: AbortSignal): Promise<void> {
  const kept = await findImage(engine, digest, signal);
  for (const { id, created, repositories } of await listImages(engine, LABELS.image, signal)) {
    // Tagged by the user under another name: no longer only ours.
    if (id === kept || repositories.some((repository) => repository !== REPOSITORY)) continue;
    if (now - created * 1000 < SETTLED_MS) continue;
    if ((await listContainers(engine, { ancestor: [id] }, signal)).length > 0) continue;
    // 409: a container was made from it in this moment.
    await engine.call({ method: "DELETE", path: ["images", id], query: { force: true }, accept: [404, 409] }, signal);
  }
}

interface Image {
  readonly id: string;
  readonly created: number;
  readonly repositories: readonly string[];
}

/** What was imported with this label: an image that the user committed of a machine has the machine's labels, too. */
async function listImages(engine: Engine, label: string, signal: AbortSignal): Promise<Image[]> {
  const { body } = await engine.call(
    { method: "GET", path: ["images", "json"], query: { filters: { label: [label] } } },
    signal,
  );
  return asArray(body, "the list of images")
    .map((item) => asRecord(item, "an image"))
    .filter((image) => !(LABELS.machine in asStrings(image.Labels, "an image's labels")))
    .map(parseImage);
}

function parseImage(image: JsonRecord): Image {
  const tags = asList(image.RepoTags, "RepoTags").map(String);
  return {
    id: asString(image.Id, "an image's id"),
    created: Number(image.Created ?? 0),
    repositories: tags.filter((tag) => tag !== "<none>:<none>").map((tag) => tag.slice(0, tag.lastIndexOf(":"))),
  };
}

/** A tag has at most 128 characters and no colon. */
function tagOf(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

async function* chunksOf(
  host: Host,
  path: string,
  size: number,
  report: (progress: Progress) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  while (offset < size) {
    const chunk = await host.files.readBytes(path, { offset, length: Math.min(CHUNK_BYTES, size - offset) });
    // Shorter than it was a moment ago: the engine must not take the part for the whole.
    if (chunk === undefined || chunk.byteLength === 0) {
      throw new MkError("IMAGE_ABSENT", `${path} was removed while it was read`, { hint: "Start the machine again." });
    }
    offset += chunk.byteLength;
    report({ done: offset, total: size, unit: "bytes" });
    yield chunk;
  }
}
