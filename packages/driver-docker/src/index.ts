export { dockerDriver as default, dockerDriver } from "./driver.js";
