import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type StopCandidate, stopOrder } from './recipients.ts';

/** What a process of a generated world is, which says what it does at SIGTERM and what its end does to others. */
type Role =
  | 'trainer' // saves at SIGTERM, then ends
  | 'shell' // dies by SIGTERM
  | 'trapping-shell' // kills its children and leaves
  | 'runner' // the same, and repeats the words of what it runs
  | 'launcher' // the same, and starts ranks
  | 'reader' // of the output of its siblings, whose next print fails without it
  | 'pool' // forked or spawned by a trainer, whose save fails without it
  | 'logger' // started by a trainer, catches SIGTERM, is missed at the trainer's next line
  | 'archiver'; // started by a trainer, writes a checkpoint, does not catch SIGTERM

interface Living extends StopCandidate {
  readonly role: Role;
}

const words = (...all: string[]): string => all.map((word) => `${word}\0`).join('');
const SCRIPT = ['train.py', '--lr', '1'];

/** Builds a tree from the top down. Pids count upwards. */
class World {
  readonly members: Living[] = [];

  add(role: Role, parent: number, what: Partial<Living> & { readonly command: string }): number {
    const pid = this.members.length + 100;
    const rest = {
      catchesTerm: false,
      ignoresTerm: false,
      isRank: false,
      hasWritten: false,
      readsPipe: false,
      ...what,
    };
    this.members.push({ pid, parent, role, ...rest });
    return pid;
  }
}

interface Shape {
  /** From the outermost: what stands between the workload's leader and the training. */
  readonly wrappers: readonly ('shell' | 'trapping-shell' | 'runner' | 'quiet-runner')[];
  readonly ranks: number;
  readonly hasReader: boolean;
  readonly serving: readonly ('fork' | 'inherits' | 'own-handler' | 'spawn' | 'logger' | 'archiver')[];
  readonly writes: 'not yet' | 'the first' | 'all' | 'helpers';
}

const shapes = fc.record<Shape>({
  wrappers: fc.array(fc.constantFrom('shell', 'trapping-shell', 'runner', 'quiet-runner'), { maxLength: 3 }),
  ranks: fc.nat({ max: 3 }),
  hasReader: fc.boolean(),
  serving: fc.array(fc.constantFrom('fork', 'inherits', 'own-handler', 'spawn', 'logger', 'archiver'), {
    maxLength: 3,
  }),
  writes: fc.constantFrom('not yet', 'the first', 'all', 'helpers'),
});

function worldOf(shape: Shape): World {
  const world = new World();
  let parent = 1;
  let inner = shape.ranks > 0 ? ['python3', 'torchrun', ...SCRIPT] : ['python3', ...SCRIPT];
  const wrappers = shape.wrappers.map((wrapper, depth) => ({ wrapper, isShell: wrapper.endsWith('shell'), depth }));
  const commands = wrappers.toReversed().map(({ isShell, depth }) => {
    inner = isShell ? ['bash', `run-${depth}.sh`] : ['python3', 'runner', ...inner];
    return words(...inner);
  });
  for (const { wrapper, isShell, depth } of wrappers) {
    const catchesTerm = wrapper === 'trapping-shell' || wrapper === 'runner';
    const command = commands.at(-1 - depth) ?? '';
    parent = world.add(wrapper === 'quiet-runner' ? 'runner' : wrapper, parent, { command, catchesTerm });
    if (isShell && shape.hasReader) world.add('reader', parent, { command: words('tee', 'log') });
  }
  if (shape.ranks > 0)
    parent = world.add('launcher', parent, { command: words('python3', 'torchrun', ...SCRIPT), catchesTerm: true });
  for (let rank = 0; rank < Math.max(1, shape.ranks); rank++) addTrainer(world, parent, { shape, rank });
  return world;
}

function addTrainer(world: World, parent: number, { shape, rank }: { shape: Shape; rank: number }): void {
  const isRank = shape.ranks > 0;
  const hasWritten = shape.writes === 'all' || (shape.writes === 'the first' && rank === 0);
  const helpersWrite = hasWritten || shape.writes === 'helpers';
  const command = words('python3', '-u', ...SCRIPT);
  const trainer = world.add('trainer', parent, { command, catchesTerm: true, isRank, hasWritten });
  for (const kind of shape.serving) {
    if (kind === 'logger')
      world.add('logger', trainer, { command: words('wandb-core', '--port', '1'), catchesTerm: true, isRank });
    else if (kind === 'archiver')
      world.add('archiver', trainer, {
        command: words('tar', '-cf', 'x'),
        hasWritten: shape.writes !== 'not yet',
        isRank,
      });
    else {
      const own = kind === 'spawn' ? words('python3', '-c', 'from multiprocessing.spawn import spawn_main') : command;
      const first = world.add('pool', trainer, {
        command: own,
        catchesTerm: kind !== 'fork',
        isRank,
        hasWritten: helpersWrite,
      });
      if (kind === 'spawn') world.add('pool', first, { command: own, catchesTerm: true, isRank });
    }
  }
}

/** Lets SIGTERM do to a world what it does, and answers which trainers end without having saved. */
function lost(members: readonly Living[], told: ReadonlySet<number>): readonly Living[] {
  const byPid = new Map(members.map((each) => [each.pid, each]));
  const gone = new Set<Living>();
  const isBelow = (each: Living, top: Living): boolean => {
    const parent = byPid.get(each.parent);
    return parent !== undefined && (parent === top || isBelow(parent, top));
  };
  const end = (each: Living): void => {
    if (gone.has(each)) return;
    gone.add(each);
    const takesDown = (other: Living): boolean => {
      if (['trapping-shell', 'runner', 'launcher'].includes(each.role)) return isBelow(other, each) && each.catchesTerm;
      if (each.role === 'reader') return other.parent === each.parent || isBelow(other, byPid.get(each.parent) ?? each);
      if (each.role === 'shell') return false;
      return each.role !== 'trainer' && isBelow(each, other) && other.role === 'trainer';
    };
    members.filter(takesDown).forEach(end);
  };
  // A trainer that is told saves for long: whatever happens at once happens before it is done.
  members.filter(({ pid, role }) => told.has(pid) && role !== 'trainer').forEach(end);
  return members.filter((each) => each.role === 'trainer' && gone.has(each));
}

const pidsOf = (all: readonly StopCandidate[]): Set<number> => new Set(all.map(({ pid }) => pid));

describe('whoever gets SIGTERM first', () => {
  test('nobody whose end takes down a process that saves hears it, and each that saves does', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { members } = worldOf(shape);
        const order = stopOrder(members);
        const first = pidsOf(order.first);
        expect(lost(members, first)).toEqual([]);
        // Who is second may hear it while the first still save.
        expect(lost(members, pidsOf([...order.first, ...order.second]))).toEqual([]);
        const trainers = members.filter(({ role }) => role === 'trainer').map(({ pid }) => pid);
        expect(trainers.filter((pid) => !first.has(pid))).toEqual([]);
      }),
    );
  });

  test('catches it, unless nobody does', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), (shape, catching) => {
        const members = worldOf(shape).members.map((each) => ({ ...each, catchesTerm: each.catchesTerm && catching }));
        const { first } = stopOrder(members);
        expect(first.length).toBeGreaterThan(0);
        expect(first.every((each) => each.catchesTerm === catching)).toBe(true);
      }),
    );
  });

  test('is followed by all its ancestors, and none of them is told twice', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { members } = worldOf(shape);
        const { first, above } = stopOrder(members);
        const [told, later] = [pidsOf(first), pidsOf(above)];
        const parents = [...first, ...above].map(({ parent }) => parent).filter((pid) => pid !== 1);
        expect(parents.filter((pid) => !told.has(pid) && !later.has(pid))).toEqual([]);
        expect([...later].filter((pid) => told.has(pid))).toEqual([]);
      }),
    );
  });

  test('does not depend on the order in which processes are listed', () => {
    const listed = shapes
      .map((shape) => worldOf(shape).members)
      .chain((members) => fc.tuple(fc.constant(members), fc.shuffledSubarray(members, { minLength: members.length })));
    fc.assert(
      fc.property(listed, ([members, shuffled]) => {
        expect(pidsOf(stopOrder(shuffled).first)).toEqual(pidsOf(stopOrder(members).first));
      }),
    );
  });
});

describe('what was written says who saves', () => {
  const member = (pid: number, parent: number, what: Partial<StopCandidate>): StopCandidate => ({
    pid,
    parent,
    command: words('python3', 'train.py'),
    catchesTerm: true,
    ignoresTerm: false,
    isRank: false,
    hasWritten: false,
    readsPipe: false,
    ...what,
  });
  const first = (...members: StopCandidate[]) => [...pidsOf(stopOrder(members).first)].toSorted((a, b) => a - b);

  test('a driver that catches SIGTERM comes after what it started, once that was seen writing', () => {
    const driver = member(1, 0, { command: words('python3', 'main.py') });
    const trainer = member(2, 1, {});
    expect(first(driver, trainer)).toEqual([1]);
    expect(first(driver, { ...trainer, hasWritten: true })).toEqual([2]);
    expect(first({ ...driver, hasWritten: true }, { ...trainer, hasWritten: true })).toEqual([1]);
  });

  test('a service beside the training comes after it', () => {
    const shell = member(1, 0, { command: words('bash', 'run.sh'), catchesTerm: false });
    const service = member(2, 1, { command: words('python3', 'serve-samples.py') });
    const trainer = member(3, 1, {});
    expect(first(shell, service, trainer)).toEqual([2, 3]);
    expect(first(shell, service, { ...trainer, hasWritten: true })).toEqual([3]);
    expect(first(shell, { ...service, command: words('redis-server', '*:6379') }, trainer)).toEqual([3]);
  });

  const second = (...members: StopCandidate[]): number[] => stopOrder(members).second.map(({ pid }) => pid);

  test('another that catches SIGTERM comes second, since it may save too', () => {
    const shell = member(1, 0, { command: words('bash', 'run.sh'), catchesTerm: false });
    const trainer = member(2, 1, { hasWritten: true });
    const evaluation = member(3, 1, { command: words('python3', 'evaluate.py') });
    expect(second(shell, trainer, evaluation)).toEqual([3]);
    expect(second({ ...shell, catchesTerm: true }, trainer, evaluation)).toEqual([3]);
    expect(second(shell, trainer, { ...evaluation, catchesTerm: false })).toEqual([]);
    expect(second(shell, trainer, { ...evaluation, readsPipe: true })).toEqual([]);
    expect(second(shell, trainer, { ...evaluation, command: words('bash', 'tidy.sh') })).toEqual([]);
    expect(second(shell, trainer, { ...evaluation, parent: 2 })).toEqual([]);
  });

  test('what a helper writes is its parent’s', () => {
    const shell = member(1, 0, { command: words('sh', '-c', 'python3 train.py'), catchesTerm: false });
    const service = member(2, 1, { command: words('python3', 'serve-samples.py') });
    const trainer = member(3, 1, {});
    const archiver = member(4, 3, { command: words('tar', '-c'), catchesTerm: false, hasWritten: true });
    expect(first(shell, service, trainer, archiver)).toEqual([3]);
  });

  test('a log beside the checkpoints makes no saver of the shell that traps SIGTERM', () => {
    const shell = member(1, 0, { command: words('bash', 'run.sh') });
    const trainer = member(2, 1, {});
    const reader = member(3, 1, { command: words('tee', 'checkpoints/log'), catchesTerm: false, hasWritten: true });
    expect(first(shell, trainer, reader)).toEqual([2]);
  });
});

describe('where nobody catches SIGTERM', () => {
  const member = (pid: number, parent: number, ...command: string[]): StopCandidate => ({
    pid,
    parent,
    command: words(...command),
    catchesTerm: false,
    ignoresTerm: false,
    isRank: false,
    hasWritten: false,
    readsPipe: false,
  });
  const shell = member(1, 0, 'bash', 'run.sh');
  const reader = { ...member(3, 1, 'tee', 'log'), readsPipe: true };
  const script = member(2, 1, 'python3', 'train.py');
  const ignoring = { ...script, ignoresTerm: true };

  test.each<[what: string, members: readonly StopCandidate[], first: readonly number[], isAwaited: boolean]>([
    ['a script that ignores it comes before its shell', [shell, ignoring], [2], true],
    ['and before the end of its pipe', [shell, ignoring, reader], [2], true],
    ['also where the shell ignores it', [{ ...shell, ignoresTerm: true }, ignoring], [2], true],
    ['below several shells', [shell, member(4, 1, 'sh', '-c', 'x'), { ...ignoring, parent: 4 }], [2], true],
    ['a script that dies by it comes with its shell', [shell, script, reader], [1, 2, 3], false],
    ['one of two that dies by it', [shell, ignoring, { ...script, pid: 5 }], [1, 2, 5], false],
    ['a script without a shell', [{ ...ignoring, parent: 0 }], [2], false],
    [
      'a daemon of a script that dies by it',
      [
        { ...script, parent: 0 },
        { ...ignoring, pid: 6, parent: 0 },
      ],
      [2, 6],
      false,
    ],
    ['a program that is no script', [shell, { ...member(7, 1, 'sleep', '60'), ignoresTerm: true }], [1, 7], false],
  ])('%s', (_what, members, first, isAwaited) => {
    const order = stopOrder(members);
    expect([...pidsOf(order.first)].toSorted((a, b) => a - b)).toEqual(first);
    expect(order.isAwaited).toBe(isAwaited);
  });
});

describe('equals', () => {
  const rank = (pid: number, parent: number): StopCandidate => ({
    pid,
    parent,
    command: words('python3', 'train.py'),
    catchesTerm: true,
    ignoresTerm: false,
    isRank: true,
    hasWritten: false,
    readsPipe: false,
  });

  test('the first rank, which started the others with its own words, is one of them', () => {
    const main = { ...rank(1, 0), isRank: false };
    expect([...pidsOf(stopOrder([main, rank(2, 1), rank(3, 1)]).first)]).toEqual([1, 2, 3]);
  });

  test('ranks that a script without a handler spawned are told, each', () => {
    const main = { ...rank(1, 0), isRank: false, catchesTerm: false };
    const spawned = words('python3', '-c', 'from multiprocessing.spawn import spawn_main', '--multiprocessing-fork');
    const ranks = [2, 3].map((pid) => ({ ...rank(pid, 1), isRank: false, command: spawned }));
    expect([...pidsOf(stopOrder([main, ...ranks]).first)]).toEqual([2, 3]);
  });

  test('where one rank writes, all are told', () => {
    const launcher = { ...rank(1, 0), isRank: false, command: words('torchrun', 'train.py') };
    const writing = { ...rank(2, 1), hasWritten: true };
    expect([...pidsOf(stopOrder([launcher, writing, rank(3, 1)]).first)]).toEqual([2, 3]);
  });
});
