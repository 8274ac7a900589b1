export { type DockerConfig, parseConfig } from "./config.js";
export { dockerDriver as default, dockerDriver } from "./driver.js";
export { type DockerOptions, options } from "./options.js";
