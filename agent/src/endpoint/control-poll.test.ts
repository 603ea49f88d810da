import { newRunId, silentLog, systemClock } from '@runctl/core';
import { type ControlDocument, controlDocument, encodeDocument, FORMAT_VERSION, runKeys } from '@runctl/protocol';
import { MemoryStore } from '@runctl/store';
import { expect, test } from 'vitest';
import { RunDocuments } from '../reporting/run-documents.ts';
import { createControlPoll } from './control-poll.ts';

const signal = new AbortController().signal;

function bucketOfWishes() {
  const run = newRunId();
  const store = new MemoryStore({ clock: systemClock });
  const obeyed: string[] = [];
  const poll = createControlPoll({
    documents: new RunDocuments(store, { run, launch: 1, node: 0 }),
    clock: systemClock,
    log: silentLog,
    launch: 1,
    everyMs: 1000,
    obey: ({ action }) => obeyed.push(action),
  });
  const put = (atMs: number, bytes: Uint8Array) => store.put(runKeys(run).control(atMs, `n${atMs}`), bytes);
  const wish = (action: ControlDocument['action'], atMs: number, launch = 1) =>
    put(
      atMs,
      encodeDocument(controlDocument, {
        version: FORMAT_VERSION,
        action,
        args: { graceMs: null, budgetUsd: null },
        launch,
        at: new Date(atMs).toISOString(),
        by: 'test',
        nonce: `n${atMs}`,
      }),
    );
  return { obeyed, poll, put, wish };
}

test('a wish of a laptop whose clock is behind is obeyed although a later one was seen before', async () => {
  const { obeyed, poll, wish } = bucketOfWishes();
  await wish('checkpoint', 2_000_000);
  await poll.look(signal);
  await wish('stop', 1_000_000);
  await poll.look(signal);
  await poll.look(signal);
  expect(obeyed).toEqual(['checkpoint', 'stop']);
});

test('a wish that can not be read keeps nobody from being heard', async () => {
  const { obeyed, poll, put, wish } = bucketOfWishes();
  await put(1_000_000, new TextEncoder().encode('{"version":99}'));
  await wish('stop', 2_000_000);
  await poll.look(signal);
  expect(obeyed).toEqual(['stop']);
});

test('wishes for other launches are not obeyed', async () => {
  const { obeyed, poll, wish } = bucketOfWishes();
  await wish('stop', 1_000_000, 2);
  await poll.look(signal);
  expect(obeyed).toEqual([]);
});
