export { driver as default } from "./driver.js";
