import { type Answers, checkAnswers, OPERATING_SYSTEMS } from "./answers.js";

export type Given = { readonly [K in keyof Answers]?: Answers[K] | undefined } & {
  readonly directory?: string | undefined;
};

/** The user pressed Ctrl-C or Escape at a question. */
export class CancelledError extends Error {
  override readonly name = "CancelledError";
}

/** Asks for what was not given. CancelledError when the user cancels. */
export async function ask(given: Given): Promise<Given> {
  const prompts = await import("@clack/prompts");
  prompts.intro("A new driver for mk");
  const answered = <T>(value: T): Exclude<T, symbol> => {
    if (!prompts.isCancel(value)) return value as Exclude<T, symbol>;
    prompts.cancel("Nothing was written.");
    throw new CancelledError();
  };
  const driver = answered(
    await prompts.text({
      message: "Name of the driver (mk start --driver=…)",
      initialValue: given.driver ?? "",
      validate: (value) => fault(() => checkAnswers({ driver: value ?? "" })),
    }),
  );
  const summary = answered(
    await prompts.text({
      message: "What it runs, in one line",
      initialValue: given.summary ?? `machines of ${driver}`,
      validate: (value) => fault(() => checkAnswers({ driver, summary: value ?? "" })),
    }),
  );
  const os = answered(
    await prompts.multiselect({
      message: "Operating systems",
      options: OPERATING_SYSTEMS.map((value) => ({ value: value as string })),
      initialValues: [...(given.os ?? ["linux", "darwin"])],
      required: true,
    }),
  );
  const packageName = answered(
    await prompts.text({
      message: "npm package",
      initialValue: given.packageName ?? `mk-driver-${driver}`,
      validate: (value) => fault(() => checkAnswers({ driver, packageName: value ?? "" })),
    }),
  );
  return {
    ...given,
    driver,
    summary,
    os,
    packageName,
    directory: given.directory ?? packageName.replace(/^@.*\//, ""),
  };
}

function fault(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
