import { appendFile, writeFile } from 'node:fs/promises';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { createProgressReader } from './progress.ts';

test('a log that is written on, cut, and begun anew is followed', async () => {
  await using folder = await temporaryFolder('runctl-progress');
  const paths = { progress: `${folder.path}/progress.json`, log: `${folder.path}/training.log` };
  const reader = createProgressReader(paths);
  await writeFile(paths.log, 'step 5\nste');
  expect(await reader.read()).toMatchObject({ step: 5, source: 'log', evidence: 'step 5' });
  await appendFile(paths.log, 'p 6\n');
  expect(await reader.read()).toMatchObject({ step: 6, source: 'log', evidence: 'step 6' });
  await appendFile(paths.log, `${'x'.repeat(300 * 1024)} step 9\nstep 7\n`);
  expect(await reader.read()).toMatchObject({ step: 7, source: 'log', evidence: 'step 7' });
  await writeFile(paths.log, 'step 1\n');
  expect(await reader.read()).toMatchObject({ step: 1, source: 'log', evidence: 'step 1' });
});

test("a pattern of the user's own takes the place of the reader", async () => {
  await using folder = await temporaryFolder('runctl-progress');
  const paths = { progress: `${folder.path}/progress.json`, log: `${folder.path}/training.log` };
  const reader = createProgressReader({ ...paths, stepPattern: String.raw`^tick (\d+)` });
  await writeFile(paths.log, 'step 5\ntick 7\nstep 9\n');
  expect(await reader.read()).toMatchObject({ step: 7, source: 'log', evidence: 'tick 7' });
  await writeFile(paths.log, 'tick 1\n');
  expect(await reader.read()).toMatchObject({ step: 1 });
});

test("the script's own word counts before the log, the log before nothing", async () => {
  await using folder = await temporaryFolder('runctl-progress');
  const paths = { progress: `${folder.path}/progress.json`, log: `${folder.path}/training.log` };
  const reader = createProgressReader(paths);
  expect(await reader.read()).toMatchObject({ step: null, source: 'unknown', evidence: null });
  await writeFile(paths.log, 'step 5\n');
  expect(await reader.read()).toMatchObject({ step: 5, source: 'log', evidence: 'step 5' });
  await appendFile(paths.log, 'saving\n');
  expect(await reader.read()).toMatchObject({ step: 5, source: 'log', evidence: 'step 5' });
  await writeFile(paths.progress, '{"step": 6.9}');
  expect(await reader.read()).toMatchObject({ step: 6, source: 'file', evidence: null });
  await writeFile(paths.progress, '{"st');
  expect(await reader.read()).toMatchObject({ step: 5, source: 'log', evidence: 'step 5' });
});

test.each<[string, string, readonly number[]]>([
  ['named steps tell', 'step 0\nstep 5\n', [0, 5]],
  [
    "XGBoost's rounds, counted from 0 also after a resume, do not tell",
    '[0]\ttrain-rmse:0.28\n[5]\ttrain-rmse:0.27\n',
    [],
  ],
])('%s where a life began', async (_name, output, steps) => {
  await using folder = await temporaryFolder('runctl-progress');
  const paths = { progress: `${folder.path}/progress.json`, log: `${folder.path}/training.log` };
  const reader = createProgressReader(paths);
  await reader.begin();
  await writeFile(paths.log, output);
  expect(await reader.read()).toMatchObject({ step: 5 });
  expect(reader.beginning().steps).toEqual(steps);
});

test('the step at an earlier time is the last one seen before it', async () => {
  await using folder = await temporaryFolder('runctl-progress');
  const paths = { progress: `${folder.path}/progress.json`, log: `${folder.path}/training.log` };
  const reader = createProgressReader(paths);
  await writeFile(paths.progress, '{"step": 10}');
  await reader.read();
  expect(reader.stepAt(Date.now() + 1000)).toBe(10);
  expect(reader.stepAt(Date.now() - 60_000)).toBeNull();
});

test('numbers beside the step are those of the step that a checkpoint names, else those of its time', async () => {
  await using folder = await temporaryFolder('runctl-progress');
  const paths = { progress: `${folder.path}/progress.json`, log: `${folder.path}/training.log` };
  const reader = createProgressReader(paths);
  const tell = async (text: string): Promise<void> => {
    await writeFile(paths.progress, text);
    await reader.read();
  };
  await tell('{"step": 10, "loss": 0.5, "phase": "train", "nested": {"a": 1}}');
  await tell('{"step": 10, "eval_loss": 0.6}');
  await tell('{"step": 20, "loss": 0.4}');
  const soon = Date.now() + 1000;
  expect(reader.metricsAt({ wallMs: soon, step: 10 })).toEqual({ loss: 0.5, eval_loss: 0.6 });
  expect(reader.metricsAt({ wallMs: soon, step: null })).toEqual({ loss: 0.4 });
  expect(reader.metricsAt({ wallMs: soon, step: 15 })).toEqual({ loss: 0.4 });
  expect(reader.metricsAt({ wallMs: soon - 60_000, step: 15 })).toEqual({});
});
