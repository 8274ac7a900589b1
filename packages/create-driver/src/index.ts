export { type Answers, checkAnswers, InvalidAnswerError } from "./answers.js";
export { createDriver } from "./create-driver.js";
