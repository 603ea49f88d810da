import type { Fit } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { noticeFit } from './notice-fit.ts';
import { GOOD_INTERRUPTION as GOOD } from './testing/interruptions.ts';

test('whether a save fits into a real notice is told, and the network that its upload needs is told instead of guessed', () => {
  const fit = { sizeBytes: 22e9 } as Fit;
  const { summary } = noticeFit([GOOD, { ...GOOD, savesLastedMs: 10_000 }], [fit, null]);
  expect(summary).toBe(
    "save 10 s of 1m 50s usable in a real notice; the upload of 20.5 GiB fits if the machine's network brings 1.76 Gbit/s to S3, which a rehearsal can't measure",
  );
  expect(noticeFit([{ ...GOOD, savesLastedMs: 95_000 }], [fit]).summary).toMatch(
    /does not fit, the script is killed after 1m 30s/,
  );
  expect(noticeFit([GOOD], []).summary).toMatch(/how much there is to upload is unknown/);
  expect(noticeFit([{ ...GOOD, killed: true }], [fit])).toMatchObject({ saveMs: null, neededBytesPerSecond: null });
});

test('a script that died without a save shows nothing of one', () => {
  const { saveMs, summary } = noticeFit([{ ...GOOD, newCheckpoint: false }], []);
  expect(saveMs).toBeNull();
  expect(summary).toMatch(/^save unknown .*no save after SIGTERM was seen/);
});

test('a shell that dies at once does not end the save of its children', () => {
  expect(noticeFit([{ ...GOOD, sigtermToExitMs: 1, savesLastedMs: 3000 }], []).saveMs).toBe(3000);
});
