/** A value inside one of QEMU's comma-separated options: a comma is written twice, all else stands for itself. */
export function escapeOptionValue(value: string): string {
  return value.replaceAll(",", ",,");
}

/** `[head,]key=value,…` for one QEMU option, values escaped. Undefined leaves a key out. */
export function optionList(
  head: string | undefined,
  values: Readonly<Record<string, string | number | undefined>>,
): string {
  const pairs = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapeOptionValue(String(value))}`],
  );
  return [...(head === undefined ? [] : [escapeOptionValue(head)]), ...pairs].join(",");
}
