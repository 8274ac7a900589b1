import type { Driver } from "../contract/driver.js";
import type { GuestArch } from "../contract/spec.js";
import { MkError } from "../errors.js";
import type { WantedMachine } from "../store/intent.js";
import type { Engine } from "./engine.js";
import type { CoreOperation } from "./operation.js";

/** Digest of the image for a new machine: the one asked for, or the newest. Undefined for drivers that need none. IMAGE_ABSENT. */
export async function chooseImage(
  engine: Engine,
  driver: Driver,
  arch: GuestArch,
  request: WantedMachine,
  op: CoreOperation,
): Promise<string | undefined> {
  if (driver.traits.image === "none") return undefined;
  if (engine.images === undefined) {
    throw new MkError("IMAGE_ABSENT", `driver ${driver.name} needs a guest image and no source of images was given`, {
      hint: "Give `createMk` the option `images`, for example from @mk/guest.",
    });
  }
  if (request.imageDigest === undefined) return (await engine.images.ensure(arch, op)).digest;
  await assertImage(engine, request.imageDigest, arch);
  return request.imageDigest;
}

/** IMAGE_ABSENT unless there is an image with this digest; INVALID_ARGUMENT when it is for another architecture. */
export async function assertImage({ images }: Engine, digest: string, arch: GuestArch): Promise<void> {
  const image = await images?.find(digest);
  if (image === undefined) {
    throw new MkError("IMAGE_ABSENT", `there is no guest image ${digest}`, {
      hint: "List the images there are with `mk image list`.",
    });
  }
  if (image.arch !== arch) {
    throw new MkError("INVALID_ARGUMENT", `guest image ${digest} is for ${image.arch}, the machine is ${arch}`, {
      hint: `Choose one for ${arch} from \`mk image list\`.`,
    });
  }
}
