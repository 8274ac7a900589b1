export { type BuildImageOptions, buildImage } from "./image/build-image.js";
export type { ImageLock, ImageManifest } from "./image/manifest.js";
