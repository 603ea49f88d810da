import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { plainRecogniser } from '../recognise/plain.ts';
import type { Recogniser } from '../contract/recogniser.ts';
import { never, openWorld, SETTLE_MS } from '../testing/test-world.ts';

const TOLD = { path: 'state.json', why: expect.stringMatching(/can't be made durable: state\.json: /) as string };

test('what the workload left torn when it ended by itself is told, and what a kill left is no news', async () => {
  await using world = await openWorld();
  await world.write('state.json', '{"torn":', 10_000);
  const atMs = world.clock.wallMs();
  const afterKill = await world.publisher().pass({ signal: never, ended: { clean: false, atMs } });
  expect(afterKill).toMatchObject({ published: null, passedOver: [] });
  const report = await world.publisher().pass({ signal: never, ended: { clean: true, atMs } });
  expect(report).toMatchObject({ published: null, unsettled: false, passedOver: [TOLD] });
});

test('while the workload runs, what is torn is told when it has not been touched for long', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('state.json', '{"torn":');
  expect(await world.settleAndPass(publisher)).toMatchObject({ published: null, passedOver: [] });
  await world.clock.advance(SETTLE_MS * 30);
  expect(await publisher.pass({ signal: never })).toMatchObject({ published: null, passedOver: [TOLD] });
});

test('what is behind the durable checkpoint is not told, however torn it is', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('step-100.json', '{"torn":');
  await world.clock.advance(1);
  await world.write('step-200.json', '{}');
  expect((await world.settleAndPass(publisher)).published?.step).toBe(200);
  const ended = { clean: true, atMs: world.clock.wallMs() };
  expect(await publisher.pass({ signal: never, ended })).toMatchObject({ passedOver: [] });
});

test('after the end of the workload, a file that somebody else still writes to is waited for', async () => {
  await using world = await openWorld();
  await world.write('model.bin', 'half');
  let writesOn = true;
  // Between the look at the folder and the opening of its files.
  const recognise: Recogniser['recognise'] = (tree, context) => {
    if (writesOn) appendFileSync(join(world.folder, 'model.bin'), ' and the rest');
    return plainRecogniser.recognise(tree, context);
  };
  const publisher = world.publisher({ recognisers: [{ name: 'plain', recognise }] });
  const ended = { clean: true, atMs: world.clock.wallMs() };
  expect(await publisher.pass({ signal: never, ended })).toMatchObject({ published: null, unsettled: true });
  writesOn = false;
  expect((await publisher.pass({ signal: never, ended })).published?.files).toMatchObject([{ sizeBytes: 17 }]);
});

test('a checkpoint of more files than this process may open is named as not durable', async () => {
  const fixture = fileURLToPath(new URL('fixtures/publishes-many-files.ts', import.meta.url));
  const limited = `ulimit -n 128 && exec "$0" --no-warnings "$1" "$2"`;
  const run = async (count: number): Promise<unknown> => {
    const { stdout } = await promisify(execFile)('sh', ['-c', limited, process.execPath, fixture, String(count)]);
    return JSON.parse(stdout);
  };
  expect(await run(10)).toEqual({ files: 10, notDurable: [], unsettled: false });
  expect(await run(200)).toEqual({
    files: 0,
    notDurable: [expect.stringMatching(/checkpoint-100 \(step 100\): .* can't be read: EMFILE/)],
    unsettled: false,
  });
});
