/** The digest that `counter.py` prints after `steps` undisturbed steps. */
export function counterResult(steps: number): string {
  let digest = 1n;
  for (let step = 1n; step <= BigInt(steps); step++)
    digest = (digest * 6364136223846793005n + step) & ((1n << 64n) - 1n);
  return `result ${digest}`;
}
