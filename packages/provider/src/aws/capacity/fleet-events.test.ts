import type { DescribeFleetHistoryCommandInput, DescribeFleetHistoryResult, EC2Client } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { fleetEvents } from './fleet-events.ts';

const START_MS = Date.parse('2026-11-30T12:00:00Z');

/** A history whose events are visible some time after they happened, in pages of two. */
class LateHistory {
  readonly asked: DescribeFleetHistoryCommandInput[] = [];
  nowMs = START_MS;
  readonly #events: { readonly atMs: number; readonly visibleAtMs: number }[] = [];

  add(atMs: number, lateMs: number): void {
    this.#events.push({ atMs: START_MS + atMs, visibleAtMs: START_MS + atMs + lateMs });
  }

  readonly client = {
    send: ({ input }: { readonly input: DescribeFleetHistoryCommandInput }) => {
      this.asked.push(input);
      return Promise.resolve(this.#page(input));
    },
  } as unknown as EC2Client;

  #page({ StartTime, NextToken }: DescribeFleetHistoryCommandInput): DescribeFleetHistoryResult {
    const sinceMs = StartTime?.getTime() ?? 0;
    const visible = this.#events
      .filter(({ atMs, visibleAtMs }) => visibleAtMs <= this.nowMs && atMs >= sinceMs)
      .sort((a, b) => a.atMs - b.atMs);
    const from = Number(NextToken ?? 0);
    const isLast = from + 2 >= visible.length;
    return {
      HistoryRecords: visible.slice(from, from + 2).map(({ atMs }) => ({
        Timestamp: new Date(atMs),
        EventType: 'fleet-change',
        EventInformation: { EventSubType: `at-${atMs - START_MS}` },
      })),
      ...(isLast ? { LastEvaluatedTime: new Date(this.nowMs), NextToken: '' } : { NextToken: String(from + 2) }),
    };
  }
}

test('every page is read', async () => {
  const history = new LateHistory();
  for (const atMs of [0, 1000, 2000, 3000, 4000]) history.add(atMs, 0);
  history.nowMs += 10_000;
  const { events } = await fleetEvents(history.client, 'fleet-1', START_MS);
  expect(events.map(({ code }) => code)).toEqual(['at-0', 'at-1000', 'at-2000', 'at-3000', 'at-4000']);
  expect(history.asked.map(({ NextToken }) => NextToken)).toEqual([undefined, '2', '4']);
});

test('events that come up to half a minute late, and out of order, are met by a later look, and none is left out', async () => {
  const history = new LateHistory();
  // The later one is visible first.
  history.add(1000, 30_000);
  history.add(20_000, 0);
  history.add(25_000, 30_000);
  const seen = new Set<string>();
  let sinceMs = START_MS;
  for (; history.nowMs < START_MS + 600_000; history.nowMs += 2000) {
    const { events, nextSinceMs } = await fleetEvents(history.client, 'fleet-1', sinceMs);
    sinceMs = nextSinceMs;
    for (const { code } of events) seen.add(code);
  }
  expect([...seen].sort()).toEqual(['at-1000', 'at-20000', 'at-25000']);
  // The next look begins near the time up to which EC2 has looked, not at the beginning.
  expect(START_MS + 600_000 - (history.asked.at(-1)?.StartTime?.getTime() ?? 0)).toBeLessThan(60_000);
});

test('a token that comes back as it was sent ends the reading', async () => {
  const send = () => Promise.resolve({ HistoryRecords: [], NextToken: 'again' });
  const { events } = await fleetEvents({ send } as unknown as EC2Client, 'fleet-1', START_MS);
  expect(events).toEqual([]);
});

test('without a time of evaluation the next look begins where this one did', async () => {
  const send = () => Promise.resolve({});
  const client = { send } as unknown as EC2Client;
  expect(await fleetEvents(client, 'fleet-1', START_MS)).toEqual({ events: [], nextSinceMs: START_MS });
});
