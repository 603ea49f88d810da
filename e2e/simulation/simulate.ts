/** What came of one world. */
export interface Report<Count extends string = string> {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<Count, number>>;
}

export interface SimulateOptions<Count extends string> {
  readonly firstSeed: number;
  readonly worlds: number;
  /** One world, from its seed alone. */
  readonly run: (seed: number) => Promise<Report<Count>>;
  /** Stops after this many worlds in which something did not hold (default 1). */
  readonly failures?: number;
}

export interface SimulationReport<Count extends string> {
  readonly worlds: number;
  /** Of all worlds together. */
  readonly counts: Readonly<Record<Count, number>>;
  readonly failed: readonly Report<Count>[];
}

/** Worlds one after another, with seeds counted up from the first. A single one has stacks in what it tells. */
export async function simulate<Count extends string>(
  options: SimulateOptions<Count>,
): Promise<SimulationReport<Count>> {
  const { firstSeed, worlds, failures = 1, run } = options;
  const failed: Report<Count>[] = [];
  const counts: Partial<Record<Count, number>> = {};
  let done = 0;
  while (done < worlds && failed.length < failures) {
    const report = await (worlds === 1 ? run(firstSeed) : withoutStacks(() => run(firstSeed + done)));
    done++;
    for (const [name, count] of Object.entries(report.counts) as [Count, number][])
      counts[name] = (counts[name] ?? 0) + count;
    if (report.violations.length > 0) failed.push(report);
  }
  return { worlds: done, counts: counts as Record<Count, number>, failed };
}

/** What worlds complained of, until something that is looked for was among it or there are no more worlds. */
export async function seenUntil<Count extends string>(
  wanted: RegExp,
  { firstSeed = 1, worlds, run }: Pick<SimulateOptions<Count>, 'worlds' | 'run'> & { readonly firstSeed?: number },
): Promise<readonly string[]> {
  const seen: string[] = [];
  const endSeed = firstSeed + worlds;
  for (let seed = firstSeed; seed < endSeed && !seen.some((what) => wanted.test(what));) {
    const report = await simulate({ firstSeed: seed, worlds: endSeed - seed, run });
    seen.push(...report.failed.flatMap((world) => world.violations));
    seed += report.worlds;
  }
  return seen;
}

/** A world is full of errors that somebody expects, and most of their cost is the stack. */
async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
