export { hyperkit as default } from "./driver.js";
