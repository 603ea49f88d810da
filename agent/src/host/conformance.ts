import { silentLog } from '@runctl/core';
import type { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import type { Host, PowerEnd } from './host.ts';
import type { InterruptionWatcher, Notice } from './interruptions.ts';

export type MachineFault = 'none' | 'no-answer' | 'broken-answer';
export type SuccessorFault =
  'none' | 'no-answer' | 'lost-answer' | 'late-answer' | 'throttled' | 'hidden-failure' | 'no-right';

export interface HostUnderTest extends AsyncDisposable {
  readonly host: Host;
  /** A second agent's view of the same machine. */
  readonly again: () => Host;
  readonly clock: FakeClock;
  /** As the launch wrote its machines down; the machine itself may name no capacity. */
  readonly machines: unknown;
  /** Null where nobody announces anything. */
  readonly announcements: {
    notice(inMs: number): void;
    withdrawNotice(): void;
    risk(): void;
    scheduledEvent(): void;
  } | null;
  /** Null where a host asks nobody. */
  readonly faults: { machine(fault: MachineFault): void; successors(fault: SuccessorFault): void } | null;
  /** Whether further machines would start for the launch. */
  readonly wouldFollow: () => boolean;
  readonly powerEnd: PowerEnd;
  /** Commands that changed the system, in order. */
  readonly commands: readonly string[];
}

export interface HostSuite {
  readonly open: () => Promise<HostUnderTest>;
  readonly announces: boolean;
  readonly asks: boolean;
}

const timing = { noticePollMs: 1000, noticeMs: 120_000, deadlineMarginMs: 5000 };

function watch(world: HostUnderTest, { host = world.host, outlived = null as string | null } = {}) {
  const seen = { notices: [] as Notice[], risks: [] as string[], scheduled: [] as string[] };
  const watcher: InterruptionWatcher = host.watch({
    clock: world.clock,
    log: silentLog,
    timing,
    outlived,
    events: {
      onNotice: (notice) => seen.notices.push(notice),
      onRisk: (what) => seen.risks.push(what),
      onScheduledEvent: (what) => seen.scheduled.push(what),
    },
  });
  return { seen, watcher };
}

async function capacityOf({ host, machines }: HostUnderTest): Promise<string | null> {
  return (await host.identity()).capacity ?? host.successors.capacityIn(machines);
}

/** What every host does, whatever it is. Each test opens a machine of its own. */
export function describeHost(name: string, suite: HostSuite): void {
  describe(name, () => {
    describeIdentity(suite);
    describeWatch(suite);
    describeSuccessors(suite);
    describePower(suite);
  });
}

function describeIdentity({ open, asks }: HostSuite): void {
  test('a machine is the same to every agent on it', async () => {
    await using world = await open();
    const identity = await world.host.identity();
    expect(await world.again().identity()).toEqual(identity);
    for (const word of [identity.machineId, identity.machineType, identity.location]) expect(word).toMatch(/\S/);
    expect(['spot', 'on-demand']).toContain(identity.market);
  });

  if (!asks) return;
  test.each(['no-answer', 'broken-answer'] as const)(
    'a machine that gives %s has no identity, and has one as soon as it tells',
    async (fault) => {
      await using world = await open();
      world.faults?.machine(fault);
      await expect(world.host.identity()).rejects.toThrow(/\S/);
      world.faults?.machine('none');
      expect((await world.host.identity()).machineId).toMatch(/\S/);
    },
  );
}

function describeWatch(suite: HostSuite): void {
  const { open, announces, asks } = suite;

  test('a machine that nobody takes is quiet, and its watch ends with the signal', async () => {
    await using world = await open();
    const { seen, watcher } = watch(world);
    const over = new AbortController();
    const running = watcher.run(over.signal);
    for (let look = 0; look < 3; look++) await watcher.look();
    over.abort();
    await running;
    expect(seen).toEqual({ notices: [], risks: [], scheduled: [] });
  });

  test('a machine that was shown no notice has outlived none', async () => {
    await using world = await open();
    expect(await watch(world).watcher.outlive()).toBeNull();
  });

  if (asks) describeBrokenAnswers(suite);
  if (announces) describeAnnouncements(suite);
}

function describeBrokenAnswers({ open, announces }: HostSuite): void {
  test.each(['no-answer', 'broken-answer'] as const)(
    '%s is neither a notice nor an end of the watch',
    async (fault) => {
      await using world = await open();
      const { seen, watcher } = watch(world);
      world.faults?.machine(fault);
      await watcher.look();
      expect(await watcher.outlive()).toBeNull();
      expect(seen.notices).toEqual([]);
      world.faults?.machine('none');
      world.announcements?.notice(60_000);
      await watcher.look();
      expect(seen.notices).toHaveLength(announces ? 1 : 0);
    },
  );
}

function describeAnnouncements({ open }: HostSuite): void {
  test('a notice is told once, with a deadline before the machine goes', async () => {
    await using world = await open();
    const { seen, watcher } = watch(world);
    world.announcements?.notice(60_000);
    await watcher.look();
    world.announcements?.notice(90_000);
    await watcher.look();
    expect(seen.notices).toHaveLength(1);
    const [notice] = seen.notices;
    expect(notice?.windowMs).toBeLessThanOrEqual(61_000);
    expect(notice?.deadlineMs).toBeLessThanOrEqual(world.clock.monotonicMs() + 61_000 - timing.deadlineMarginMs);
    expect(notice?.deadlineMs).toBeGreaterThan(world.clock.monotonicMs() + 50_000);
  });

  test('a notice whose time is past leaves no time, and never less than none', async () => {
    await using world = await open();
    const { seen, watcher } = watch(world);
    world.announcements?.notice(-60_000);
    await watcher.look();
    expect(seen.notices[0]).toMatchObject({ windowMs: 0, deadlineMs: world.clock.monotonicMs() });
  });

  test('an outlived notice counts no more, for this agent and the next; another one does', async () => {
    await using world = await open();
    const first = watch(world);
    world.announcements?.notice(1000);
    await first.watcher.look();
    const outlived = await first.watcher.outlive();
    expect(outlived).not.toBeNull();
    const next = watch(world, { host: world.again(), outlived });
    for (const { watcher } of [first, next]) await watcher.look();
    expect([first, next].map(({ seen }) => seen.notices.length)).toEqual([1, 0]);
    world.announcements?.notice(60_000);
    for (const { watcher } of [first, next]) await watcher.look();
    expect([first, next].map(({ seen }) => seen.notices.length)).toEqual([2, 1]);
  });

  test('what an agent that has just started had no time to see is outlived too', async () => {
    await using world = await open();
    world.announcements?.notice(1000);
    const { watcher } = watch(world);
    expect(await watcher.outlive()).not.toBeNull();
    world.announcements?.withdrawNotice();
    await watcher.look();
  });

  test('a risk and a scheduled event are told once each, in words', async () => {
    await using world = await open();
    const { seen, watcher } = watch(world);
    world.announcements?.risk();
    world.announcements?.scheduledEvent();
    for (let look = 0; look < 3; look++) {
      await watcher.look();
      await world.clock.advance(61_000);
    }
    const words = [expect.stringMatching(/\S/)];
    expect(seen).toEqual({ notices: [], risks: words, scheduled: words });
  });
}

function describeSuccessors({ open, asks }: HostSuite): void {
  test('no capacity is read out of what is none of this host', async () => {
    await using world = await open();
    const { successors } = world.host;
    for (const words of [successors.doing, successors.trouble]) expect(words).toMatch(/\S/);
    for (const foreign of [null, 'text', {}, { pods: ['p-1'] }, { fleetId: '' }, { fleetId: 3 }])
      expect(successors.capacityIn(foreign)).toBeNull();
  });

  test('once ended nothing follows, and ending again is no error', async () => {
    await using world = await open();
    const capacity = await capacityOf(world);
    if (capacity === null) return expect(world.wouldFollow()).toBe(false);
    expect(await world.host.successors.mayEnd(capacity)).toEqual({ granted: true });
    expect(world.wouldFollow()).toBe(true);
    await world.host.successors.end(capacity);
    expect(world.wouldFollow()).toBe(false);
    await world.host.successors.end(capacity);
    await world.again().successors.end(capacity);
  });

  if (!asks) return;

  test('a machine without the right hears why, in words, and ends nothing', async () => {
    await using world = await open();
    const capacity = (await capacityOf(world)) ?? '';
    world.faults?.successors('no-right');
    expect(await world.host.successors.mayEnd(capacity)).toEqual({ granted: false, why: expect.stringMatching(/\S/) });
    await expect(world.host.successors.end(capacity)).rejects.toThrow(/\S/);
    expect(world.wouldFollow()).toBe(true);
  });

  test.each(['no-answer', 'throttled'] as const)('%s is neither a right nor an end', async (fault) => {
    await using world = await open();
    const capacity = (await capacityOf(world)) ?? '';
    world.faults?.successors(fault);
    await expect(world.host.successors.mayEnd(capacity)).rejects.toThrow(/\S/);
    await expect(world.host.successors.end(capacity)).rejects.toThrow(/\S/);
    world.faults?.successors('none');
    await world.host.successors.end(capacity);
    expect(world.wouldFollow()).toBe(false);
  });

  test('a failure that hides in a success is a failure', async () => {
    await using world = await open();
    const capacity = (await capacityOf(world)) ?? '';
    world.faults?.successors('hidden-failure');
    await expect(world.host.successors.end(capacity)).rejects.toThrow(/\S/);
    expect(world.wouldFollow()).toBe(true);
  });

  test('an end whose answer is lost is ended by the next call', async () => {
    await using world = await open();
    const capacity = (await capacityOf(world)) ?? '';
    world.faults?.successors('lost-answer');
    await expect(world.host.successors.end(capacity)).rejects.toThrow(/\S/);
    world.faults?.successors('none');
    await world.host.successors.end(capacity);
    expect(world.wouldFollow()).toBe(false);
  });

  test('an end whose answer is late is ended by one call', async () => {
    await using world = await open();
    const capacity = (await capacityOf(world)) ?? '';
    world.faults?.successors('late-answer');
    await world.host.successors.end(capacity);
    expect(world.wouldFollow()).toBe(false);
  });
}

function describePower({ open }: HostSuite): void {
  test('the machine ends as its host says, and only when it is asked to', async () => {
    await using world = await open();
    const { power } = world.host;
    expect(power.doing).toMatch(/\S/);
    await power.cancelPlanned();
    expect(await power.isGoingDown()).toBe(false);
    expect(world.commands.filter((command) => !command.includes(' -c'))).toEqual([]);
    expect(await power.off()).toBe(world.powerEnd);
    expect(world.commands.filter((command) => !command.includes(' -c'))).toHaveLength(world.powerEnd === 'off' ? 1 : 0);
  });
}
