import { median } from '../bench.ts';
import type { Measured } from './measured.ts';

export interface Contender {
  readonly name: string;
  run(): Promise<Measured>;
}

/** What one contender took, in all rounds. */
export interface Series {
  readonly name: string;
  readonly samples: readonly Measured[];
}

/** Runs the contenders A B C C B A in every round, so that a drift of the machine meets all alike. One round before is not counted. */
export async function interleaved(
  contenders: readonly Contender[],
  options: { readonly rounds: number; readonly progress: (text: string) => void },
): Promise<ReadonlyMap<string, Series>> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as Measured[]]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const contender of [...contenders, ...contenders.toReversed()]) {
      const { name } = contender;
      const sample = await contender.run();
      samples.get(name)?.push(sample);
      const { wallMs, cpuMs, peakRssBytes } = sample;
      options.progress(
        `round ${round}, ${name}: ${(wallMs / 1000).toFixed(2)} s, CPU ${(cpuMs / 1000).toFixed(2)} s, ${(peakRssBytes / 1e6).toFixed(0)} MB`,
      );
    }
  }
  return new Map([...samples].map(([name, own]) => [name, { name, samples: own }]));
}

/** Median and extremes of one figure, as text: `1.43 (1.40…1.52)`. */
export function spread(values: readonly number[], digits = 2): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}…${most.toFixed(digits)})`;
}

export const cpuPerGiB = (series: Series, sizeBytes: number): number[] =>
  series.samples.map((sample) => (sample.cpuMs / 1000 / sizeBytes) * 1024 ** 3);

export const wallSeconds = (series: Series): number[] => series.samples.map((sample) => sample.wallMs / 1000);

export const megabytesPerSecond = (series: Series, sizeBytes: number): number[] =>
  series.samples.map((sample) => sizeBytes / 1e6 / (sample.wallMs / 1000));
