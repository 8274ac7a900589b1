const MAX_LINE = 4096;

/** The lines of a console: UTF-8, without line ends and terminal control sequences. Lines longer than 4096 characters come in pieces. */
export async function* consoleLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r*\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) yield clean(line);
    while (rest.length > MAX_LINE) {
      yield clean(rest.slice(0, MAX_LINE));
      rest = rest.slice(MAX_LINE);
    }
  }
  if (rest !== "") yield clean(rest);
}

function clean(line: string): string {
  return line.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}
