import { FORMAT_VERSION, type LaunchOutcome, runKeys } from '@runctl/protocol';
import { MemoryStore } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { RunDocuments } from './run-documents.ts';

const RUN = 'r-aaaaaaaaaa';

const outcome: LaunchOutcome = {
  version: FORMAT_VERSION,
  run: RUN,
  launch: 1,
  status: 'failed',
  cause: 'boot-failed',
  message: 'the agent gave up',
  exitCode: null,
  signal: null,
  step: null,
  durableStep: null,
  generation: null,
  at: '2026-01-01T00:00:00.000Z',
  nonce: 'n',
};

test.each([
  ['damaged', '{'],
  ['of a newer format', JSON.stringify({ ...outcome, version: FORMAT_VERSION + 1 })],
  ['that needs what this agent lacks', JSON.stringify({ ...outcome, needs: ['roster'] })],
])('an outcome of the launch that is %s stands, and does not keep the machine from its end', async (_what, text) => {
  const store = new MemoryStore({ clock: new FakeClock() });
  await store.put(runKeys(RUN).launch(1).outcome, Buffer.from(text));
  const documents = new RunDocuments(store, { run: RUN, launch: 1, node: 0 });
  expect(await documents.endLaunch(outcome)).toEqual(outcome);
});
