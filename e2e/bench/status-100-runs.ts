import { bucketKeys, encodeDocument, latestPointer, manifest, runKeys } from '@runctl/protocol';
import { newRunId } from '@runctl/core';
import { launchDetached } from '../support/launching.ts';
import { World } from '../support/world.ts';
import { median, type Bench } from './bench.ts';

const RUNS = 100;
const ROUNDS = 7;
const GOAL_MS = 1500;

export const bench: Bench = {
  name: 'status-100-runs',
  about: `\`runctl status\` on a sandbox with ${RUNS} finished runs (copies of one real run's documents), ${ROUNDS} times`,
  async run(progress) {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['3', '0.01'] });
    await world.runctl(['wait', run]);
    const keys = (await world.bucket.keys(runKeys(run).root)).filter((key) => key.endsWith('.json'));
    const [index] = (await world.bucket.keys(bucketKeys.indexFolder())).filter((key) => key.endsWith(run));
    const documents = await Promise.all(
      [...keys, index ?? ''].map(async (key) => [key, String(await world.bucket.bytes(key))] as const),
    );
    for (let copy = 1; copy < RUNS; copy++) {
      const id = newRunId();
      await Promise.all(
        documents.map(([key, text]) =>
          world.bucket.write(key.replaceAll(run, id), renamed(key, text.replaceAll(run, id))),
        ),
      );
    }
    progress(`${RUNS} runs are in the bucket`);
    const samples: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const startMs = performance.now();
      const status = await world.runctl(['status', '--limit', String(RUNS)]);
      samples.push(performance.now() - startMs);
      const rows = status.stdout.match(/r-[a-z2-7]{10}/g)?.length ?? 0;
      if (status.exitCode !== 0 || rows < RUNS)
        throw new Error(`status showed ${rows} runs (exit ${status.exitCode}): ${status.stderr}`);
    }
    const ms = median(samples);
    return {
      rows: [
        {
          what: `status of ${RUNS} runs`,
          ours: `${(ms / 1000).toFixed(2)} s`,
          peer: null,
          ratio: null,
          goal: '≤ 1.5 s',
          met: ms <= GOAL_MS,
        },
      ],
      raw: { samples },
    };
  },
};

/** Pointer and manifests bear a digest of themselves. */
function renamed(key: string, text: string): string | Uint8Array {
  if (key.endsWith('/latest.json')) return encodeDocument(latestPointer, latestPointer.parse(JSON.parse(text)));
  if (key.includes('/manifests/')) return encodeDocument(manifest, manifest.parse(JSON.parse(text)));
  return text;
}
