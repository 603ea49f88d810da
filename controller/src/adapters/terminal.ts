import { createInterface } from 'node:readline/promises';

/** Asks for a line on the terminal, and shows what an empty one stands for. */
export async function askTextOnTerminal(
  question: string,
  suggestion: string | null,
  signal: AbortSignal,
): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(`${question}${suggestion === null ? '' : ` [${suggestion}]`}: `, { signal });
  } finally {
    lines.close();
  }
}

/** Asks on the terminal; anything but yes is no. */
export async function askOnTerminal(question: string, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
