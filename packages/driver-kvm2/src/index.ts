export { driver, driver as default } from "./driver.js";
