import { createImds } from '@runctl/aws-wire';
import { FakeClock, recordingLog } from '@runctl/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ImdsServer } from '../../testing/imds-server.ts';
import { readIdentity } from './identity.ts';
import type { Notice } from '../interruptions.ts';
import { createInterruptionWatcher, noticeWindowMs } from './watcher.ts';

const timing = { noticePollMs: 1000, noticeMs: 120_000, deadlineMarginMs: 5000 };

async function watching() {
  const server = await ImdsServer.start({ instanceId: 'i-1' });
  const clock = new FakeClock();
  const seen = { notices: [] as Notice[], risks: [] as string[], scheduled: [] as string[] };
  const log = recordingLog();
  const imds = createImds({ endpoint: server.endpoint, clock, timeoutMs: 200 });
  const watcher = createInterruptionWatcher(imds, {
    clock,
    log,
    timing,
    outlived: null,
    events: {
      onNotice: (notice) => seen.notices.push(notice),
      onRisk: (what) => seen.risks.push(what),
      onScheduledEvent: (what) => seen.scheduled.push(what),
    },
  });
  const close = async (): Promise<void> => {
    imds.close();
    await server[Symbol.asyncDispose]();
  };
  return { server, clock, seen, log, imds, watcher, [Symbol.asyncDispose]: close };
}

describe('watching for interruptions', () => {
  test('404 is no notice, and one token serves all looks', async () => {
    await using world = await watching();
    for (let look = 0; look < 5; look++) await world.watcher.look();
    expect(world.seen.notices).toEqual([]);
    expect(world.server.requests).toBe(1 + 1 + 5 * 2); // a token, one look at scheduled events, two paths a look
  });

  test('a notice is latched at first sight, whatever its time says later', async () => {
    await using world = await watching();
    world.server.notice(90_000);
    await world.watcher.look();
    world.server.notice(120_000);
    await world.clock.advance(1000);
    await world.watcher.look();
    expect(world.seen.notices).toHaveLength(1);
    const [notice] = world.seen.notices;
    expect(notice?.action).toBe('terminate');
    // `Date` has whole seconds.
    expect(notice?.windowMs).toBeGreaterThan(88_000);
    expect(notice?.windowMs).toBeLessThan(92_000);
    expect(notice?.deadlineMs).toBe(notice!.windowMs - timing.deadlineMarginMs - 1000);
  });

  test('a wrong clock of this machine does not move the deadline', async () => {
    await using world = await watching();
    world.clock.stepWall(3_600_000);
    world.server.notice(60_000);
    await world.watcher.look();
    expect(world.seen.notices[0]?.windowMs).toBeLessThan(62_000);
  });

  test('no error of IMDS is a notice or an end: 500, a hanging answer, forgotten tokens', async () => {
    await using world = await watching();
    for (const fault of ['status-500', 'hang'] as const) {
      world.server.break(fault);
      await world.watcher.look();
      await world.watcher.look();
    }
    expect(world.log.lines.filter(({ message }) => message.includes('does not answer')).length).toBeGreaterThan(0);
    world.server.break('none');
    await world.watcher.look();
    world.server.forgetTokens();
    expect(world.seen.notices).toEqual([]);
    world.server.notice(60_000);
    await world.watcher.look();
    expect(world.seen.notices).toHaveLength(1);
  });

  test('what is no notice is not taken for one', async () => {
    await using world = await watching();
    for (const body of ['', '<html>', '{"action":"none"}', '{"time":"2026-01-01T00:00:00Z"}']) {
      world.server.set('meta-data/spot/instance-action', body);
      await world.watcher.look();
    }
    expect(world.seen.notices).toEqual([]);
  });

  test('a machine that outlived its notice hears only of another one', async () => {
    await using world = await watching();
    world.server.notice(1000);
    await world.watcher.look();
    await world.watcher.outlive();
    await world.watcher.look();
    expect(world.seen.notices).toHaveLength(1);
    world.server.notice(60_000);
    await world.watcher.look();
    expect(world.seen.notices).toHaveLength(2);
  });

  test('a rebalance recommendation and a scheduled event are told once each', async () => {
    await using world = await watching();
    world.server.set('meta-data/events/recommendations/rebalance', '{"noticeTime":"2026-01-01T00:00:00Z"}');
    const event = {
      Code: 'instance-retirement',
      NotBefore: '21 Jan 2027 09:00:43 GMT',
      EventId: 'e-1',
      State: 'active',
    };
    world.server.set(
      'meta-data/events/maintenance/scheduled',
      JSON.stringify([event, { ...event, EventId: 'e-2', State: 'completed' }]),
    );
    for (let look = 0; look < 3; look++) {
      await world.watcher.look();
      await world.clock.advance(61_000);
    }
    expect(world.seen.risks).toEqual(['EC2 recommends to rebalance: this machine may be taken soon']);
    expect(world.seen.scheduled).toEqual(['EC2 has scheduled instance-retirement for 21 Jan 2027 09:00:43 GMT']);
  });

  test('the machine knows itself', async () => {
    await using world = await watching();
    expect(await readIdentity(world.imds)).toEqual({
      machineId: 'i-1',
      machineType: 'g5.xlarge',
      location: 'us-east-1a',
      market: 'spot',
      capacity: 'fleet-1',
    });
  });
});

test('the window is never longer than a notice lasts and never negative; unreadable means a whole notice', () => {
  const times = fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(times, times, (time, date) => {
      const windowMs = noticeWindowMs(time.toISOString(), date.getTime(), 120_000);
      expect(windowMs).toBe(Math.min(120_000, Math.max(0, time.getTime() - date.getTime())));
    }),
  );
  expect(noticeWindowMs('soon', 0, 120_000)).toBe(120_000);
  expect(noticeWindowMs(undefined, 0, 120_000)).toBe(120_000);
  expect(noticeWindowMs('2026-01-01T00:00:00Z', null, 120_000)).toBe(120_000);
});
