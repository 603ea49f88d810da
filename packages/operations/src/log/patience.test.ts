import { systemClock } from '@runctl/core';
import { intercepted, MemoryStore, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { WrittenRun } from '../testing/written-run.ts';
import { createLogReader } from './log-reader.ts';
import { readPatiently } from './patience.ts';

const RUN = 'r-abcdefghij';

test('a network that fails in the middle of the log loses and doubles no line', async () => {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock });
  const run = new WrittenRun(memory, RUN, clock);
  await run.log(1, 'one\n', 0);
  await run.log(1, 'two\n', 4);
  await run.log(1, 'three\n', 8);
  let gets = 0;
  const store = intercepted(memory, ({ operation }, perform) => {
    if (operation === 'get' && ++gets === 2) throw new StoreError('transient', 'the test unplugged the laptop');
    return perform();
  });
  const atOnce = { ...systemClock, sleep: async () => {} };
  const log = createLogReader({ store, run: RUN });
  let text = '';
  for await (const event of readPatiently(log, { clock: atOnce, signal: new AbortController().signal }))
    text += event.type === 'log-bytes' ? Buffer.from(event.bytes).toString() : 'GAP';
  expect(text).toBe('one\ntwo\nthree\n');
});
