import type { CommandDetails } from '../catalog/command-entry.ts';

/**
 * `--option value` as `--option=value` where the value begins with a dash, which clipanion would take for an option:
 * `--resume-argument "--resume {path}"`. A word that is itself an option of the command stays one. A flag that means another where none of its
 * values follows is written as that.
 */
export function joinedValues(argv: readonly string[], { options }: Pick<CommandDetails, 'options'>): string[] {
  const alone = new Map(options.map(({ flags, writtenAlone }) => [writtenAlone, flags.at(-1)]));
  const names = options.flatMap(({ flags }) => flags);
  const taking = options.filter(({ valueName }) => valueName !== null).flatMap(({ flags }) => flags);
  const joined: string[] = [];
  const own = beforeDashes(argv);
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? '';
    const next = own[at + 1] ?? '';
    const isValue = next.startsWith('-') && !names.includes(next.split('=')[0] ?? '');
    const instead = alone.get(word);
    const values = options.find(({ flags }) => flags.includes(word))?.values ?? [];
    // An empty word is a value that a shell variable did not give.
    const isAlone = at + 1 === own.length || (next !== '' && !values.includes(next));
    if (instead !== undefined && isAlone) {
      joined.push(instead);
      continue;
    }
    joined.push(word.startsWith('--') && taking.includes(word) && isValue ? `${word}=${own[++at] ?? ''}` : word);
  }
  return [...joined, ...argv.slice(own.length)];
}

/** The words behind `--`; null without one. */
export function behindDashes(argv: readonly string[]): readonly string[] | null {
  const end = argv.indexOf('--');
  return end === -1 ? null : argv.slice(end + 1);
}

/** The words that runctl reads itself: what stands behind `--` is a script's. */
export function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}
