import { expect, test } from 'vitest';
import type { Member } from './members.ts';
import { traitsOf } from './traits.ts';

type Habit = 'catches' | 'ignores' | 'dies';
interface Process {
  readonly words: string;
  readonly does: Habit;
  /** Its place in the list, from 1; 0 is outside the workload. */
  readonly parent?: number;
  readonly isRank?: boolean;
  readonly writes?: boolean;
}

const script = (does: Habit, rest: Partial<Process> = {}): Process => ({ words: 'python3 train.py', does, ...rest });
const shell = (does: Habit): Process => ({ words: 'bash run.sh', does });
const launcher = (does: Habit): Process => ({ words: 'torchrun train.py', does });
const helper = (does: Habit): Process => ({ words: 'wandb-core --port 1', does, parent: 1 });
const below = { parent: 1 };
const rank = { parent: 1, isRank: true };

const memberOf = ({ words, does, parent = 0, isRank = false, writes = false }: Process, index: number): Member => ({
  pid: index + 1,
  startTime: '1',
  parent,
  command: words
    .split(' ')
    .map((word) => `${word}\0`)
    .join(''),
  catchesTerm: does === 'catches',
  ignoresTerm: does === 'ignores',
  isRank,
  hasWritten: writes,
  readsPipe: false,
});

test.each<[what: string, processes: readonly Process[], catchesTerm: boolean | null]>([
  ['a script that ignores it', [script('ignores')], null],
  ['a script that ignores it below a shell that dies by it', [shell('dies'), script('ignores', below)], null],
  ['a shell that ignores it with a script that inherits that', [shell('ignores'), script('ignores', below)], null],
  ['a shell that ignores it with a script that catches it', [shell('ignores'), script('catches', below)], true],
  ['a launcher that ignores it with ranks that catch it', [launcher('ignores'), script('catches', rank)], true],
  ['a launcher that catches it with ranks that ignore it', [launcher('catches'), script('ignores', rank)], null],
  ['a launcher that ignores it with ranks that die by it', [launcher('ignores'), script('dies', rank)], false],
  ['one rank of two that ignores it', [launcher('dies'), script('dies', rank), script('ignores', rank)], null],
  ['a helper that ignores it beside a script that saves', [script('dies', { writes: true }), helper('ignores')], false],
  ['a helper that ignores it below a script that does not', [script('dies'), helper('ignores')], false],
  ['a helper that ignores it below a shell', [shell('dies'), script('dies', below), helper('ignores')], false],
  [
    'a helper that ignores it and was seen writing',
    [script('dies', { writes: true }), { ...helper('ignores'), writes: true }],
    false,
  ],
  ['a helper that dies by it below a script that ignores it', [script('ignores'), helper('dies')], null],
  ['a program without a source file that ignores it', [{ words: './train --fast', does: 'ignores' }], null],
  ['a script that saves and ignores it', [script('ignores', { writes: true }), helper('dies')], null],
  ['forked workers that ignore it', [script('dies'), script('ignores', below)], false],
  ['a script that dies by it', [shell('dies'), script('dies', below)], false],
])('whether SIGTERM is caught, of %s', (_what, processes, catchesTerm) => {
  const members = { candidates: () => processes.map(memberOf), programOf: () => null };
  expect(traitsOf(members, null)).toMatchObject({ catchesTerm, ignoresTerm: catchesTerm === null });
});
