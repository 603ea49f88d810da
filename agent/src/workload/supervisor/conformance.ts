import { describe, expect, test } from 'vitest';
import type { Supervisor, WorkloadCommand } from './supervisor.ts';

/** What a workload does: ends with 7 at once; on SIGTERM saves for a while and ends with 0; pays no heed to SIGTERM. */
export type WorkloadHabit = 'exits-7' | 'saves-on-sigterm' | 'ignores-sigterm';

export interface SupervisorUnderTest extends AsyncDisposable {
  /** A supervisor of the one machine; a further one is what a restarted agent has. */
  supervisor(): Supervisor;
  command(habit: WorkloadHabit): WorkloadCommand;
  /** A command that can't be started. */
  readonly impossible: WorkloadCommand;
  /** Resolves once the workload that was started last meets signals as its habit says. */
  ready(): Promise<void>;
  /** Resolves once the workload that was started last has ended and its end can be learned. */
  ended(): Promise<void>;
  /** How many SIGTERMs the workloads of this machine have got. */
  sigterms(): Promise<number>;
  /** The machine's wall clock. */
  wallMs(): number;
  /** Waits for a promise of a supervisor; where time is simulated it goes on meanwhile. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

const forever = new AbortController().signal;

/** What every supervisor does, whatever it supervises. Each test opens a machine of its own. */
export function describeSupervisor(name: string, open: () => Promise<SupervisorUnderTest>): void {
  describe(name, () => {
    describeStart(open);
    describeStop(open);
    describeAdoption(open);
  });
}

function describeStart(open: () => Promise<SupervisorUnderTest>): void {
  test('a workload ends with its code, at the time at which it ended', async () => {
    await using world = await open();
    const one = world.supervisor();
    const sinceMs = world.wallMs();
    const { id } = await world.settle(one.start(world.command('exits-7')));
    expect(id).not.toBe('');
    const end = await world.settle(one.exited(forever));
    expect(end).toMatchObject({ code: 7, signal: null, leftovers: 0, clockWasSet: false });
    // File times come in steps of a few milliseconds.
    expect(end.endedAtMs).toBeGreaterThanOrEqual(sinceMs - 20);
    expect(end.endedAtMs).toBeLessThanOrEqual(world.wallMs() + 20);
  });

  test('each start has an id of its own', async () => {
    await using world = await open();
    const one = world.supervisor();
    const first = await world.settle(one.start(world.command('exits-7')));
    await world.settle(one.exited(forever));
    const second = await world.settle(one.start(world.command('exits-7')));
    await world.settle(one.exited(forever));
    expect(second.id).not.toBe(first.id);
  });

  test('a start that fails rejects and leaves nothing to adopt', async () => {
    await using world = await open();
    await expect(world.settle(world.supervisor().start(world.impossible))).rejects.toThrow();
    expect(await world.settle(world.supervisor().adopt())).toBeNull();
  });

  test('without a workload there is no end to wait for, and a signal reaches nobody', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.signal('SIGTERM'));
    await world.settle(one.signal('SIGKILL'));
    await expect(world.settle(one.exited(forever))).rejects.toThrow();
  });

  test('waiting for the end can be given up, and the workload runs on', async () => {
    await using world = await open();
    const one = world.supervisor();
    const { id } = await world.settle(one.start(world.command('saves-on-sigterm')));
    await world.ready();
    const giveUp = new AbortController();
    const waiting = one.exited(giveUp.signal);
    giveUp.abort(new Error('no time left'));
    await expect(world.settle(waiting)).rejects.toThrow('no time left');
    expect(await world.settle(world.supervisor().adopt())).toMatchObject({ id });
    expect(await world.sigterms()).toBe(0);
  });
}

function describeStop(open: () => Promise<SupervisorUnderTest>): void {
  test('a workload that is told to stop saves and ends by itself', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.start(world.command('saves-on-sigterm')));
    await world.ready();
    await world.settle(one.signal('SIGTERM'));
    expect(await world.settle(one.exited(forever))).toMatchObject({ code: 0, signal: null });
    expect(await world.sigterms()).toBe(1);
  });

  test('a second request to stop is no second SIGTERM, by the next agent neither', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.start(world.command('saves-on-sigterm')));
    await world.ready();
    await world.settle(one.signal('SIGTERM'));
    await world.settle(one.signal('SIGTERM'));
    const next = world.supervisor();
    await world.settle(next.adopt());
    await world.settle(next.signal('SIGTERM'));
    expect(await world.settle(next.exited(forever))).toMatchObject({ code: 0, signal: null });
    expect(await world.sigterms()).toBe(1);
  });

  test('a workload that ignores SIGTERM is killed', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.start(world.command('ignores-sigterm')));
    await world.ready();
    await world.settle(one.signal('SIGTERM'));
    await world.settle(one.signal('SIGKILL'));
    expect(await world.settle(one.exited(forever))).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  test('signals to a workload that has ended are no error', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.start(world.command('exits-7')));
    await world.ended();
    await world.settle(one.signal('SIGTERM'));
    await world.settle(one.signal('SIGKILL'));
    expect(await world.settle(one.exited(forever))).toMatchObject({ code: 7 });
  });
}

function describeAdoption(open: () => Promise<SupervisorUnderTest>): void {
  test('where nothing was started there is nothing to adopt', async () => {
    await using world = await open();
    expect(await world.settle(world.supervisor().adopt())).toBeNull();
  });

  test('a running workload is adopted as the one that it is, and stopped', async () => {
    await using world = await open();
    const sinceMs = world.wallMs();
    const started = await world.settle(world.supervisor().start(world.command('saves-on-sigterm')));
    await world.ready();
    const next = world.supervisor();
    const adopted = await world.settle(next.adopt());
    expect(adopted).toMatchObject({ ...started, stopNote: null });
    expect(adopted?.startedAtMs).toBeGreaterThanOrEqual(sinceMs - 20);
    expect(adopted?.startedAtMs).toBeLessThanOrEqual(world.wallMs() + 20);
    await world.settle(next.signal('SIGTERM'));
    expect(await world.settle(next.exited(forever))).toMatchObject({ code: 0, signal: null });
  });

  test('a workload that ended before anybody looked is adopted with its code', async () => {
    await using world = await open();
    const { id } = await world.settle(world.supervisor().start(world.command('exits-7')));
    await world.ended();
    const next = world.supervisor();
    expect(await world.settle(next.adopt())).toMatchObject({ id });
    expect(await world.settle(next.exited(forever))).toMatchObject({ code: 7, signal: null });
  });

  test('the note that went with SIGTERM is what the next agent finds, and no later note is', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.start(world.command('ignores-sigterm')));
    await world.ready();
    await world.settle(one.signal('SIGTERM', 'the first reason'));
    await world.settle(one.signal('SIGTERM', 'another reason'));
    expect(await world.settle(world.supervisor().adopt())).toMatchObject({ stopNote: 'the first reason' });
  });

  test('a workload that is forgotten is adopted by nobody, and its stop is not that of the next one', async () => {
    await using world = await open();
    const one = world.supervisor();
    await world.settle(one.start(world.command('exits-7')));
    await world.ended();
    await world.settle(one.signal('SIGTERM', 'the first reason'));
    await world.settle(one.forget());
    expect(await world.settle(world.supervisor().adopt())).toBeNull();
    await world.settle(one.start(world.command('ignores-sigterm')));
    await world.ready();
    expect(await world.settle(world.supervisor().adopt())).toMatchObject({ stopNote: null });
    await world.settle(one.signal('SIGTERM', 'a reason of its own'));
    expect(await world.settle(world.supervisor().adopt())).toMatchObject({ stopNote: 'a reason of its own' });
  });
}
