/** Asks again and again until the answer is neither null nor false; fails with `what` and the last answer after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | false>,
  timeoutMs = 60_000,
  everyMs = 100,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > endMs) throw new Error(`after ${timeoutMs} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
