export { qemu as default } from "./driver.js";
