export { pretendDriver as default } from "./pretend-driver.js";
