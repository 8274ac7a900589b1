export { dockerDriver as default } from "./driver.js";
