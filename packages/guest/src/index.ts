export { type BuildImageOptions, buildImage } from "./image/build-image.js";
export { type ImageInfo, type ImageSummary, imageInfo, listImages, removeImage } from "./image/image-list.js";
export { type GuestImagesOptions, guestImages } from "./image/image-source.js";
export type { ImageLock } from "./image/manifest.js";
