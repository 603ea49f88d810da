import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialAttempt, step } from './attempt.ts';
import type {
  AttemptEffect,
  AttemptEvent,
  AttemptPolicy,
  AttemptState,
  Drain,
  SavingProgress,
  StopRequest,
} from './model.ts';
import { unseenSave } from './saving.ts';

const policy: AttemptPolicy = {
  flushReserveMs: 20_000,
  reportReserveMs: 5000,
  stalledFlushMs: 900_000,
  unhurriedReportMs: 60_000,
  helplessStopMs: 90_000,
  firstByteMs: 300_000,
  savingPauseMs: 30_000,
  longestStopMs: 900_000,
  doneGraceMs: 60_000,
  doneKillMs: 10_000,
  afterKillMs: 5000,
};
const RUNNING: AttemptState = { phase: 'running', askAtMs: null };
const worlds = { numRuns: 5000 };
const forward = ['preparing', 'running', 'draining', 'flushing', 'reporting', 'ended'];

const causes = fc.constantFrom('notice', 'user-stop', 'budget', 'deadline', 'fenced', 'machine-shutdown' as const);
const drains: fc.Arbitrary<Drain> = fc.record({
  cause: causes,
  haltAtMs: fc.option(fc.integer({ min: 0, max: 200_000 })),
  killAtMs: fc.integer({ min: 0, max: 200_000 }),
  killed: fc.boolean(),
  saving: fc.option(
    fc.record({
      askedAtMs: fc.integer({ min: -100_000, max: 0 }),
      limitAtMs: fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constant(Number.POSITIVE_INFINITY)),
      canSave: fc.option(fc.boolean()),
      othersWait: fc.boolean(),
      toldAtMs: fc.constant(null),
      hasBegun: fc.boolean(),
      lastByteMs: fc.option(fc.integer({ min: -100_000, max: 0 })),
      lookedAtMs: fc.option(fc.integer({ min: -100_000, max: 0 })),
    }),
  ),
});
/** What a look at the checkpoint folder shows. */
const looks = fc
  .record({
    canSave: fc.option(fc.boolean()),
    othersWait: fc.boolean(),
    toldAtMs: fc.constant(null),
    hasBegun: fc.boolean(),
    agoMs: fc.option(fc.integer({ min: 0, max: 5000 })),
    lookMs: fc.option(fc.integer({ min: 0, max: 40_000 })),
  })
  .map(({ agoMs, lookMs, ...seen }) => (nowMs: number): AttemptEvent => ({
    type: 'saving',
    progress: {
      ...seen,
      lastByteMs: agoMs === null ? null : nowMs - agoMs,
      lookedAtMs: lookMs === null ? null : nowMs - lookMs,
    },
  }));

/** An event and the time before it; what is absolute in it is made relative to its moment, so that shrinking keeps it meaningful. */
interface Beat {
  readonly afterMs: number;
  readonly event: (nowMs: number) => AttemptEvent;
}
const fixed = (event: AttemptEvent) => fc.constant(() => event);
const stops = fc
  .record({
    cause: causes,
    inMs: fc.option(fc.integer({ min: 0, max: 180_000 })),
    graceMs: fc.option(fc.integer({ min: 0, max: 90_000 })),
  })
  .map(({ cause, inMs, graceMs }) => (nowMs: number): AttemptEvent => ({
    type: 'stop',
    request: { cause, haltAtMs: inMs === null ? null : nowMs + inMs, graceMs },
  }));
const beats: fc.Arbitrary<Beat[]> = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 40_000 }),
    event: fc.oneof(
      fixed({ type: 'nothing-running' }),
      fixed({ type: 'prepared' }),
      fixed({ type: 'preparation-failed', message: 'no code' }),
      fixed({ type: 'started' }),
      drains.map((drain) => (): AttemptEvent => ({ type: 'adopted', drain })),
      fixed({ type: 'adopted', drain: null }),
      fixed({ type: 'spawn-failed', message: 'ENOENT' }),
      fixed({ type: 'exited', exit: { code: 0, signal: null } }),
      fixed({ type: 'exited', exit: { code: null, signal: 'SIGKILL' } }),
      fixed({ type: 'moved' }),
      fixed({ type: 'done' }),
      fixed({ type: 'flushed' }),
      fixed({ type: 'flush-failed' }),
      fixed({ type: 'reported' }),
      fixed({ type: 'tick' }),
      looks,
      stops,
    ),
  }),
  { maxLength: 40 },
);

interface Play {
  readonly states: readonly AttemptState[];
  readonly effects: readonly AttemptEffect[];
}

/** Plays any sequence of events, however unlikely. */
function play(script: readonly Beat[]): Play {
  let nowMs = 0;
  let state = initialAttempt.state;
  const states = [state];
  const effects = [...initialAttempt.effects];
  for (const beat of script) {
    nowMs += beat.afterMs;
    const next = step(state, beat.event(nowMs), nowMs, policy);
    state = next.state;
    states.push(state);
    effects.push(...next.effects);
  }
  return { states, effects };
}

/** When it is killed at the latest: what a save puts off stays within this. */
const killLimit = ({ killAtMs, saving }: Drain): number =>
  saving === null ? killAtMs : Math.min(saving.limitAtMs, saving.askedAtMs + policy.longestStopMs);

const always = (check: (played: Play) => void): void =>
  fc.assert(
    fc.property(beats, (script) => check(play(script))),
    worlds,
  );

describe('whatever happens in whatever order', () => {
  test('phases only move forward', () => {
    always(({ states }) => {
      const ranks = states.map((state) => forward.indexOf(state.phase));
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    });
  });

  test('SIGKILL never comes before SIGTERM, and each is sent at most once', () => {
    always(({ states, effects }) => {
      const signals = effects.flatMap((effect) => (effect.type === 'signal' ? [effect.signal] : []));
      const adoptedDrain = states.some((state) => state.phase === 'draining') && !signals.includes('SIGTERM');
      const allowed = adoptedDrain ? [[], ['SIGKILL']] : [[], ['SIGTERM'], ['SIGTERM', 'SIGKILL']];
      expect(allowed).toContainEqual(signals);
    });
  });

  test('flush, then report, then finish, each once', () => {
    always(({ effects }) => {
      const order = effects
        .map((effect) => effect.type)
        .filter((type) => ['flush', 'report', 'finish'].includes(type))
        .join();
      expect(['', 'flush', 'flush,report', 'flush,report,finish']).toContain(order);
    });
  });

  test('deadlines only move nearer', () => {
    always(({ states }) => {
      const halts = states.flatMap((state) =>
        'haltAtMs' in state ? [state.haltAtMs ?? Number.POSITIVE_INFINITY] : [],
      );
      expect(halts).toEqual([...halts].sort((a, b) => b - a));
      const kills = states.flatMap((state) => (state.phase === 'draining' && !state.killed ? [killLimit(state)] : []));
      expect(kills).toEqual([...kills].sort((a, b) => b - a));
      // Without an end of the machine a flush has no deadline, only a limit on standing still.
      const hurried = states.filter((state) => state.phase === 'flushing' && state.haltAtMs !== null);
      const flushes = hurried.flatMap((state) => ('flushByMs' in state ? [state.flushByMs] : []));
      expect(flushes).toEqual([...flushes].sort((a, b) => b - a));
    });
  });

  test('the first cause wins, but for the loss of the lease', () => {
    always(({ states }) => {
      const found = states.flatMap((state) => {
        if (state.phase === 'draining') return [state.cause];
        return 'ending' in state ? [state.ending.cause] : [];
      });
      const causes = Array.from(new Set(found));
      expect(causes.slice(1)).toEqual(causes.length > 1 ? ['fenced'] : []);
    });
  });
});

/** A machine with delays and failures of its own; `null` = never. */
interface World {
  readonly lookMs: number | null;
  /** Left by an earlier agent. */
  readonly runsAlready: boolean;
  readonly toldAlready: boolean;
  readonly prepareMs: number | null;
  readonly prepareFails: boolean;
  readonly spawnMs: number | null;
  readonly exitsByItselfMs: number | null;
  readonly savesForMs: number | null;
  readonly diesWhenKilled: boolean;
  readonly flushMs: number | null;
  readonly flushFails: boolean;
  readonly reportMs: number | null;
  readonly noticeAtMs: number;
  readonly windowMs: number;
  readonly others: readonly { readonly atMs: number; readonly request: StopRequest }[];
}
const delay = (max: number) => fc.option(fc.integer({ min: 0, max }), { freq: 5 });
const world: fc.Arbitrary<World> = fc.record({
  lookMs: delay(5000),
  runsAlready: fc.boolean(),
  toldAlready: fc.boolean(),
  prepareMs: delay(60_000),
  prepareFails: fc.boolean(),
  spawnMs: delay(10_000),
  exitsByItselfMs: delay(300_000),
  savesForMs: delay(200_000),
  diesWhenKilled: fc.boolean(),
  flushMs: delay(200_000),
  flushFails: fc.boolean(),
  reportMs: delay(20_000),
  noticeAtMs: fc.integer({ min: 0, max: 800_000 }).map((quarters) => quarters / 4),
  windowMs: fc.integer({ min: 0, max: 480_000 }).map((quarters) => quarters / 4),
  others: fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 400_000 }),
      request: fc.record({
        cause: causes,
        haltAtMs: fc.constant(null),
        graceMs: fc.option(fc.integer({ min: 0, max: 90_000 })),
      }),
    }),
    { maxLength: 3 },
  ),
});

interface Lived {
  readonly endedAtMs: number | null;
  readonly haltAtMs: number;
  readonly termAtMs: number | null;
  readonly killAtMs: number | null;
  readonly exitKnown: boolean;
  /** A process is there and nobody will ever end it. */
  readonly strays: boolean;
}

/** Lets the machine live in a world until nothing more can happen. */
function live(given: World): Lived {
  const pending: { atMs: number; run: () => void }[] = [];
  const at = (atMs: number, run: () => void): void => {
    pending.push({ atMs, run });
  };
  let nowMs = 0;
  let state = initialAttempt.state;
  let alive = false;
  const lived: { -readonly [K in keyof Lived]: Lived[K] } = {
    endedAtMs: null,
    haltAtMs: given.noticeAtMs + given.windowMs,
    termAtMs: null,
    killAtMs: null,
    exitKnown: false,
    strays: false,
  };
  const feed = (event: AttemptEvent): void => {
    const next = step(state, event, nowMs, policy);
    state = next.state;
    next.effects.forEach(perform);
  };
  const after = (ms: number | null, event: AttemptEvent): void => {
    if (ms !== null) at(nowMs + ms, () => feed(event));
  };
  const exit = (): void => {
    if (!alive) return;
    alive = false;
    lived.exitKnown = true;
    feed({ type: 'exited', exit: { code: 0, signal: null } });
  };
  const perform = (effect: AttemptEffect): void => {
    switch (effect.type) {
      case 'adopt':
        if (!given.runsAlready) return after(given.lookMs, { type: 'nothing-running' });
        alive = true;
        if (given.lookMs === null) return;
        return at(nowMs + given.lookMs, () => {
          const drain: Drain = {
            cause: 'user-stop',
            haltAtMs: null,
            killAtMs: nowMs + 50_000,
            killed: false,
            saving: null,
          };
          if (given.toldAlready) lived.termAtMs = nowMs;
          feed({ type: 'adopted', drain: given.toldAlready ? drain : null });
          if (given.toldAlready && given.savesForMs !== null) at(nowMs + given.savesForMs, exit);
        });
      case 'prepare':
        return after(
          given.prepareMs,
          given.prepareFails ? { type: 'preparation-failed', message: 'no code' } : { type: 'prepared' },
        );
      case 'spawn':
        if (given.spawnMs !== null)
          at(nowMs + given.spawnMs, () => {
            alive = true;
            feed({ type: 'started' });
            if (given.exitsByItselfMs !== null) at(nowMs + given.exitsByItselfMs, exit);
          });
        return;
      case 'signal':
        if (effect.signal === 'SIGTERM') {
          lived.termAtMs = nowMs;
          if (given.savesForMs !== null) at(nowMs + given.savesForMs, exit);
        } else {
          lived.killAtMs = nowMs;
          if (given.diesWhenKilled) at(nowMs, exit);
        }
        return;
      case 'flush':
        return after(given.flushMs, given.flushFails ? { type: 'flush-failed' } : { type: 'flushed' });
      case 'give-up-flush':
        return;
      case 'report':
        return after(given.reportMs, { type: 'reported' });
      case 'wake':
        // Node's timers count whole milliseconds: up to one too early.
        return at(nowMs + Math.max(1, Math.floor(effect.atMs - nowMs)), () => feed({ type: 'tick' }));
      case 'finish':
        lived.endedAtMs = nowMs;
        return;
      case 'cancel-preparation':
      case 'follow-saving':
        return;
    }
  };
  initialAttempt.effects.forEach(perform);
  at(given.noticeAtMs, () =>
    feed({ type: 'stop', request: { cause: 'notice', haltAtMs: lived.haltAtMs, graceMs: null } }),
  );
  for (const other of given.others) at(other.atMs, () => feed({ type: 'stop', request: other.request }));
  for (let turn = 0; turn < 200 && pending.length > 0; turn++) {
    pending.sort((a, b) => a.atMs - b.atMs);
    const next = pending.shift()!;
    nowMs = Math.max(nowMs, next.atMs);
    next.run();
  }
  lived.strays = alive && lived.killAtMs === null;
  return lived;
}

/** Every deadline that is met by a timer may be met this much late, and there are four in a row. */
const TIMER_MS = 4;

describe('in worlds with delays and failures of their own', () => {
  test('the attempt ends within the notice, whatever workload, spawn and store do', () => {
    fc.assert(
      fc.property(world, (given) => {
        const lived = live(given);
        expect(lived.endedAtMs).not.toBeNull();
        expect(lived.endedAtMs!).toBeLessThanOrEqual(lived.haltAtMs + TIMER_MS);
      }),
      worlds,
    );
  });

  test('a workload that could still finish is not killed: on a notice alone it has three fifths of the window at least', () => {
    fc.assert(
      fc.property(world, (given) => {
        const lived = live({ ...given, toldAlready: false, others: [] });
        if (lived.killAtMs === null || lived.termAtMs === null || lived.termAtMs < given.noticeAtMs) return;
        const leftMs = lived.haltAtMs - lived.termAtMs;
        const reserveMs = policy.flushReserveMs + policy.reportReserveMs;
        const late = lived.killAtMs === lived.termAtMs; // a spawn that answered after it was given up
        if (!late)
          expect(lived.killAtMs - lived.termAtMs).toBeGreaterThanOrEqual(
            Math.max(leftMs - reserveMs, leftMs * 0.6) - 1e-6,
          );
      }),
      worlds,
    );
  });

  test('no workload outlives the attempt: whatever runs, or turns out to run, was ended or killed', () => {
    fc.assert(
      fc.property(world, (given) => {
        const lived = live(given);
        // What is never seen can't be signalled.
        const seen = given.runsAlready ? given.lookMs !== null : given.spawnMs !== null;
        if (seen) expect(lived.strays).toBe(false);
      }),
      worlds,
    );
  });

  test('a stop that comes before it is known whether a workload runs waits for that', () => {
    const waiting = step(initialAttempt.state, notice(120_000), 0, policy);
    expect(waiting.state.phase).toBe('preparing');
    const adopted = step(waiting.state, { type: 'adopted', drain: null }, 100, policy);
    expect(adopted.effects[0]).toEqual({ type: 'signal', signal: 'SIGTERM' });
    const none = step(waiting.state, { type: 'nothing-running' }, 100, policy);
    expect(none.state).toMatchObject({ phase: 'flushing', ending: { cause: 'notice', started: false } });
  });

  test('of two stops that wait for a spawn the first gives the cause and the nearer the deadline', () => {
    const spawning = { phase: 'preparing', stage: 'spawning', stop: null } as const;
    const once = step(spawning, userStop(90_000), 0, policy);
    const twice = step(once.state, notice(60_000), 0, policy);
    expect(step(twice.state, { type: 'started' }, 0, policy).state).toMatchObject({
      phase: 'draining',
      cause: 'user-stop',
      haltAtMs: 60_000,
      killAtMs: 40_000,
    });
  });

  test('a notice of two minutes leaves the workload 95 seconds', () => {
    const state = step(RUNNING, notice(120_000), 0, policy).state;
    expect(state).toMatchObject({ phase: 'draining', killAtMs: 95_000 });
  });
});

const notice = (haltAtMs: number, graceMs: number | null = null): AttemptEvent => ({
  type: 'stop',
  request: { cause: 'notice', haltAtMs, graceMs },
});
const userStop = (graceMs: number): AttemptEvent => ({
  type: 'stop',
  request: { cause: 'user-stop', haltAtMs: null, graceMs },
});

describe('a script that is done', () => {
  const done = step(RUNNING, { type: 'done' }, 1000, policy);

  test('has a minute to end, is then asked to, and is killed where it does not', () => {
    expect(done.effects).toEqual([{ type: 'wake', atMs: 61_000 }]);
    expect(step(done.state, { type: 'tick' }, 60_999, policy).effects).toEqual([{ type: 'wake', atMs: 61_000 }]);
    const asked = step(done.state, { type: 'tick' }, 61_000, policy);
    expect(asked.effects[0]).toEqual({ type: 'signal', signal: 'SIGTERM' });
    expect(asked.state).toMatchObject({ phase: 'draining', cause: 'exited', killAtMs: 71_000 });
  });

  test('has no more time where it says so again', () => {
    expect(step(done.state, { type: 'done' }, 50_000, policy).state).toEqual(done.state);
  });

  test('meets a notice as any other', () => {
    expect(step(done.state, notice(120_000), 2000, policy).state).toMatchObject({ phase: 'draining', cause: 'notice' });
  });
});

describe('a stop at which nothing presses', () => {
  const stopped = (cause: 'user-stop' | 'budget' | 'deadline', haltAtMs: number | null = null) =>
    step(RUNNING, { type: 'stop', request: { cause, haltAtMs, graceMs: null } }, 0, policy);
  const look = (state: AttemptState, nowMs: number, seen: Partial<SavingProgress>): AttemptState => {
    const progress = { ...unseenSave, canSave: true, ...seen };
    return step(state, { type: 'saving', progress }, nowMs, policy).state;
  };

  test.each(['user-stop', 'budget', 'deadline'] as const)('leaves %s five minutes to the first byte', (cause) => {
    const { state, effects } = stopped(cause);
    expect(effects.at(-1)).toEqual({ type: 'follow-saving' });
    expect(look(state, 1000, {})).toMatchObject({ killAtMs: 300_000 });
  });

  test('leaves 90 seconds where no process catches SIGTERM', () => {
    expect(look(stopped('user-stop').state, 1000, { canSave: false })).toMatchObject({ killAtMs: 90_000 });
  });

  test('leaves alone whoever writes though no process catches SIGTERM', () => {
    const writing = look(stopped('user-stop').state, 80_000, { canSave: false, hasBegun: true, lastByteMs: 80_000 });
    expect(writing).toMatchObject({ killAtMs: 110_000 });
  });

  test('forgets not that one could save when that one has ended', () => {
    const seen = look(stopped('user-stop').state, 1000, { hasBegun: true, lastByteMs: 900 });
    expect(look(seen, 120_000, { canSave: false, lastByteMs: 119_000 })).toMatchObject({ killAtMs: 149_000 });
  });

  test('leaves alone whoever wrote in the last 30 seconds, and ends whoever did not', () => {
    const late = look(stopped('user-stop').state, 299_000, { hasBegun: true, lastByteMs: 299_000 });
    const waits = step(late, { type: 'tick' }, 300_000, policy);
    expect(waits.effects).toEqual([{ type: 'wake', atMs: 329_000 }]);
    expect(step(waits.state, { type: 'tick' }, 329_000, policy).effects[0]).toMatchObject({ signal: 'SIGKILL' });
    const early = look(stopped('user-stop').state, 5000, { hasBegun: true, lastByteMs: 4000 });
    expect(early).toMatchObject({ killAtMs: 34_000 });
  });

  test('ends nobody before a look that began after the 30 seconds, as in a large folder', () => {
    const begun = { hasBegun: true, lastByteMs: 9000 };
    const looked = look(stopped('user-stop').state, 10_000, { ...begun, lookedAtMs: 9000 });
    const due = step(looked, { type: 'tick' }, 39_000, policy);
    expect(due.effects).toEqual([{ type: 'wake', atMs: 900_000 }]);
    const writes = { type: 'saving', progress: { ...unseenSave, ...begun, lastByteMs: 38_000, lookedAtMs: 38_000 } };
    const wrote = step(due.state, writes as AttemptEvent, 60_000, policy);
    expect(wrote.effects).toEqual([{ type: 'wake', atMs: 68_000 }]);
    const still = { type: 'saving', progress: { ...unseenSave, ...begun, lookedAtMs: 39_000 } } as AttemptEvent;
    const over = step(due.state, still, 60_000, policy);
    expect(over.effects).toEqual([{ type: 'wake', atMs: 60_000 }]);
    expect(step(over.state, { type: 'tick' }, 60_000, policy).effects[0]).toMatchObject({ signal: 'SIGKILL' });
    expect(step(due.state, { type: 'tick' }, 900_000, policy).effects[0]).toMatchObject({ signal: 'SIGKILL' });
  });

  test('still leaves five minutes where only the save that was under way went on', () => {
    expect(look(stopped('user-stop').state, 9000, { lastByteMs: 8000 })).toMatchObject({ killAtMs: 300_000 });
    expect(look(stopped('user-stop').state, 299_000, { lastByteMs: 298_000 })).toMatchObject({ killAtMs: 328_000 });
  });

  test('ends after 15 minutes whatever is written', () => {
    const writing = look(stopped('user-stop').state, 890_000, { hasBegun: true, lastByteMs: 890_000 });
    expect(writing).toMatchObject({ killAtMs: 900_000 });
  });

  test('gives one that is told after the first its own five minutes', () => {
    const first = look(stopped('user-stop').state, 400_000, { hasBegun: true, lastByteMs: 400_000 });
    const second = look(first, 401_000, { hasBegun: true, lastByteMs: 400_000, toldAtMs: 401_000 });
    expect(second).toMatchObject({ killAtMs: 701_000 });
    const writes = look(second, 500_000, { hasBegun: true, lastByteMs: 500_000, toldAtMs: 401_000 });
    expect(writes).toMatchObject({ killAtMs: 530_000 });
  });

  test('kills nobody who was never told, and gives whoever is told at the end a save of its own', () => {
    const over = look(stopped('user-stop').state, 12_000, { hasBegun: true, lastByteMs: 10_000, othersWait: true });
    const told = step(over, { type: 'tick' }, 40_000, policy);
    expect(told.effects).toEqual([{ type: 'wake', atMs: 340_000 }]);
    expect(told.state).toMatchObject({ killed: false, saving: { toldAtMs: 40_000 } });
    const late = look(told.state, 40_100, { hasBegun: true, lastByteMs: 10_000, othersWait: true });
    expect(step(late, { type: 'tick' }, 340_000, policy).effects[0]).toMatchObject({ signal: 'SIGKILL' });
  });

  test('ends at its limit, though somebody still waits to be told', () => {
    const waiting = look(stopped('deadline', 400_000).state, 370_000, { lastByteMs: 370_000, othersWait: true });
    expect(step(waiting, { type: 'tick' }, 375_000, policy).effects[0]).toMatchObject({ signal: 'SIGKILL' });
  });

  test("keeps what is needed of a deadline's time for the upload", () => {
    const writing = look(stopped('deadline', 400_000).state, 370_000, { hasBegun: true, lastByteMs: 370_000 });
    expect(writing).toMatchObject({ killAtMs: 375_000 });
  });

  test('is hurried by a second one, however much is being written', () => {
    const writing = look(stopped('user-stop').state, 10_000, { hasBegun: true, lastByteMs: 10_000 });
    const hurried = step(writing, userStop(0), 12_000, policy);
    expect(hurried.effects).toEqual([{ type: 'wake', atMs: 12_000 }]);
    const seen = look(hurried.state, 12_000, { hasBegun: true, lastByteMs: 12_000 });
    expect(step(seen, { type: 'tick' }, 12_000, policy).effects[0]).toMatchObject({ signal: 'SIGKILL' });
  });

  test('meets a notice with the whole window of that', () => {
    const met = step(stopped('user-stop').state, notice(120_000), 0, policy).state;
    expect(met).toMatchObject({ cause: 'user-stop', killAtMs: 95_000 });
  });

  test('goes on after a restart of the agent, by what was written meanwhile', () => {
    const saving = {
      ...unseenSave,
      askedAtMs: -600_000,
      limitAtMs: Number.POSITIVE_INFINITY,
    };
    const drain: Drain = {
      cause: 'user-stop',
      haltAtMs: null,
      killAtMs: -300_000,
      killed: false,
      saving: { ...saving, lastByteMs: -4000 },
    };
    const next = step(initialAttempt.state, { type: 'adopted', drain }, 0, policy);
    expect(next.state).toMatchObject({ phase: 'draining', killAtMs: 26_000 });
    expect(next.effects).toContainEqual({ type: 'follow-saving' });
  });

  test('never ends anybody who wrote within 30 seconds, but for the longest stop', () => {
    const writes = fc.array(fc.integer({ min: 1, max: 29_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 299_000 }), writes, (firstMs, pauses) => {
        let state: AttemptState = look(stopped('budget').state, firstMs, { hasBegun: true, lastByteMs: firstMs });
        let nowMs = firstMs;
        for (const pauseMs of pauses) {
          nowMs += pauseMs;
          const ticked = step(state, { type: 'tick' }, nowMs, policy);
          expect(ticked.effects.some(({ type }) => type === 'signal')).toBe(nowMs >= 900_000);
          if (nowMs >= 900_000) return;
          state = look(ticked.state, nowMs, { hasBegun: true, lastByteMs: nowMs });
        }
        expect(state).toMatchObject({ killAtMs: Math.min(900_000, nowMs + 30_000) });
      }),
      worlds,
    );
  });
});

test('a script that is done has no more than the rest of its minute, whoever stops it', () => {
  const done = step(RUNNING, { type: 'done' }, 1000, policy).state;
  const request = { cause: 'user-stop', haltAtMs: null, graceMs: null } as const;
  expect(step(done, { type: 'stop', request }, 31_000, policy).state).toMatchObject({ killAtMs: 71_000, saving: null });
});

test('a user stop during the drain of a notice shortens the grace and leaves the cause', () => {
  const draining = step(RUNNING, notice(120_000), 0, policy).state;
  expect(step(draining, userStop(1000), 2000, policy).state).toMatchObject({ cause: 'notice', killAtMs: 3000 });
});

test('a notice during the drain of a user stop brings its end, and leaves the cause', () => {
  const draining = step(RUNNING, userStop(90_000), 0, policy).state;
  expect(step(draining, notice(62_000), 2000, policy).state).toMatchObject({
    cause: 'user-stop',
    haltAtMs: 62_000,
    killAtMs: 62_000 - 15_000 - 5000,
  });
});

test('an adopted drain goes on without a second SIGTERM', () => {
  const drain: Drain = { cause: 'user-stop', haltAtMs: null, killAtMs: 50_000, killed: false, saving: null };
  const next = step(initialAttempt.state, { type: 'adopted', drain }, 10_000, policy);
  expect(next.effects).toEqual([{ type: 'wake', atMs: 50_000 }]);
  expect(step(next.state, { type: 'tick' }, 50_000, policy).effects[0]).toEqual({ type: 'signal', signal: 'SIGKILL' });
});

test('a workload that is fenced is told and killed in one go', () => {
  const fenced: AttemptEvent = { type: 'stop', request: { cause: 'fenced', haltAtMs: null, graceMs: 0 } };
  const draining = step(RUNNING, fenced, 7000, policy);
  expect(draining.effects).toEqual([
    { type: 'signal', signal: 'SIGTERM' },
    { type: 'wake', atMs: 7000 },
  ]);
});

test('a flush in which the lease is lost is over at once, and the attempt is fenced', () => {
  const fenced: AttemptEvent = { type: 'stop', request: { cause: 'fenced', haltAtMs: null, graceMs: 0 } };
  const exit: AttemptEvent = { type: 'exited', exit: { code: 0, signal: null } };
  const flushing = step(RUNNING, exit, 1000, policy).state;
  const { state } = step(flushing, fenced, 2000, policy);
  expect(state).toMatchObject({ phase: 'reporting', flush: 'failed', ending: { cause: 'fenced', exit: { code: 0 } } });
});

describe('a flush without a deadline', () => {
  const flushing = step(RUNNING, { type: 'exited', exit: { code: 0, signal: null } }, 0, policy).state;
  const { stalledFlushMs } = policy;

  test('is never cut while something moves, and ends when nothing has moved for the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: stalledFlushMs - 1 }), { maxLength: 40 }), (pauses) => {
        let state = flushing;
        let nowMs = 0;
        for (const pauseMs of pauses) {
          nowMs += pauseMs;
          state = step(state, { type: 'tick' }, nowMs, policy).state;
          state = step(state, { type: 'moved' }, nowMs, policy).state;
        }
        expect(state.phase).toBe('flushing');
        expect(step(state, { type: 'tick' }, nowMs + stalledFlushMs - 1, policy).state.phase).toBe('flushing');
        const late = step(state, { type: 'tick' }, nowMs + stalledFlushMs, policy);
        expect(late.state).toMatchObject({ phase: 'reporting', flush: 'late' });
        expect(late.effects[0]).toEqual({ type: 'give-up-flush' });
      }),
      worlds,
    );
  });

  test('is woken for the limit as it is after the last movement', () => {
    const moved = step(flushing, { type: 'moved' }, stalledFlushMs / 2, policy).state;
    const { effects } = step(moved, { type: 'tick' }, stalledFlushMs, policy);
    expect(effects).toEqual([{ type: 'wake', atMs: stalledFlushMs * 1.5 }]);
  });

  test("gets the launch's end as its deadline, which no movement puts off", () => {
    const end: StopRequest = { cause: 'deadline', haltAtMs: 600_000, graceMs: 90_000 };
    const bounded = step(flushing, { type: 'stop', request: end }, 60_000, policy).state;
    expect(bounded).toMatchObject({ phase: 'flushing', haltAtMs: 600_000, flushByMs: 595_000 });
    const moved = step(bounded, { type: 'moved' }, 590_000, policy).state;
    expect(step(moved, { type: 'tick' }, 595_000, policy).state).toMatchObject({ phase: 'reporting', flush: 'late' });
  });
});

test('the transition table', () => {
  const ending = {
    cause: 'exited',
    exit: { code: 0, signal: null },
    killed: false,
    started: true,
    message: null,
  } as const;
  const rows: readonly (readonly [string, AttemptState])[] = [
    ['looking', { phase: 'preparing', stage: 'looking', stop: null }],
    ['fetching', { phase: 'preparing', stage: 'fetching', stop: null }],
    ['spawning', { phase: 'preparing', stage: 'spawning', stop: null }],
    ['running', RUNNING],
    [
      'draining',
      { phase: 'draining', cause: 'user-stop', haltAtMs: null, killAtMs: 90_000, killed: false, saving: null },
    ],
    ['killed', { phase: 'draining', cause: 'user-stop', haltAtMs: null, killAtMs: 90_000, killed: true, saving: null }],
    ['flushing', { phase: 'flushing', ending, haltAtMs: 120_000, flushByMs: 115_000 }],
    ['unhurried', { phase: 'flushing', ending, haltAtMs: null, flushByMs: 120_000 }],
    ['reporting', { phase: 'reporting', ending, flush: 'complete', haltAtMs: 120_000, reportByMs: 120_000 }],
    ['ended', { phase: 'ended', ending, flush: 'complete' }],
  ];
  const columns: readonly (readonly [string, AttemptEvent, number])[] = [
    ['nothing', { type: 'nothing-running' }, 0],
    ['prepared', { type: 'prepared' }, 0],
    ['prep.-failed', { type: 'preparation-failed', message: 'no code' }, 0],
    ['started', { type: 'started' }, 0],
    ['adopted', { type: 'adopted', drain: null }, 0],
    ['spawn-failed', { type: 'spawn-failed', message: 'ENOENT' }, 0],
    ['exited', { type: 'exited', exit: { code: 0, signal: null } }, 0],
    ['stop', notice(120_000), 0],
    ['stop, fenced', { type: 'stop', request: { cause: 'fenced', haltAtMs: null, graceMs: 0 } }, 0],
    ['moved', { type: 'moved' }, 0],
    ['flushed', { type: 'flushed' }, 0],
    ['flush-failed', { type: 'flush-failed' }, 0],
    ['reported', { type: 'reported' }, 0],
    ['tick, late', { type: 'tick' }, 130_000],
  ];
  const cell = (state: AttemptState, event: AttemptEvent, nowMs: number): string => {
    const next = step(state, event, nowMs, policy);
    const effects = next.effects.map((effect) => (effect.type === 'signal' ? effect.signal : effect.type)).join('+');
    return next.state === state && effects === '' ? '.' : [next.state.phase, effects].filter(Boolean).join('/');
  };
  const table = columns.flatMap(([name, event, nowMs]) =>
    rows.flatMap(([head, state]) => {
      const text = cell(state, event, nowMs);
      return text === '.' ? [] : [`${name.padEnd(13)}${head.padEnd(11)}${text}`];
    }),
  );
  expect(table.join('\n')).toMatchInlineSnapshot(`
    "nothing      looking    preparing/prepare
    prepared     fetching   preparing/spawn
    prep.-failed looking    flushing/flush+wake
    prep.-failed fetching   flushing/flush+wake
    prep.-failed spawning   flushing/flush+wake
    started      spawning   running
    adopted      looking    running
    spawn-failed looking    flushing/flush+wake
    spawn-failed fetching   flushing/flush+wake
    spawn-failed spawning   flushing/flush+wake
    exited       running    flushing/flush+wake
    exited       draining   flushing/flush+wake
    exited       killed     flushing/flush+wake
    stop         looking    preparing/wake
    stop         fetching   flushing/cancel-preparation+flush+wake
    stop         spawning   preparing/wake
    stop         running    draining/SIGTERM+wake
    stop         draining   draining/wake
    stop         killed     draining/wake
    stop         flushing   flushing/wake
    stop         unhurried  flushing/wake
    stop         reporting  reporting/wake
    stop, fenced looking    preparing/wake
    stop, fenced fetching   flushing/cancel-preparation+flush+wake
    stop, fenced spawning   preparing/wake
    stop, fenced running    draining/SIGTERM+wake
    stop, fenced draining   draining/wake
    stop, fenced killed     draining/wake
    stop, fenced flushing   reporting/give-up-flush+report+wake
    stop, fenced unhurried  reporting/give-up-flush+report+wake
    stop, fenced reporting  reporting/wake
    moved        unhurried  flushing
    flushed      flushing   reporting/report+wake
    flushed      unhurried  reporting/report+wake
    flush-failed flushing   reporting/report+wake
    flush-failed unhurried  reporting/report+wake
    reported     reporting  ended/finish
    tick, late   draining   draining/SIGKILL+wake
    tick, late   killed     flushing/flush+wake
    tick, late   flushing   reporting/give-up-flush+report+wake
    tick, late   unhurried  reporting/give-up-flush+report+wake
    tick, late   reporting  ended/finish"
  `);
});
