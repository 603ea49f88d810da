const LONGEST = 200;
/** `ModuleNotFoundError: No module named 'x'`, `torch.cuda.OutOfMemoryError: …`: the last line of a Python traceback. */
const EXCEPTION = /^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning)\b/;

/** What a script said last of why it ended: its exception, else its last line; null without any output. */
export function lastWords(tail: readonly string[]): string | null {
  const line = tail.findLast((text) => EXCEPTION.test(text)) ?? tail.at(-1);
  return line === undefined ? null : line.trim().slice(0, LONGEST);
}
