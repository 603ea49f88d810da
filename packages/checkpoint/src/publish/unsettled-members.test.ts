import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PassReport, Publisher } from '../contract/publisher-port.ts';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

type Content = (version: number) => string | Buffer;

const asZip: Content = (version) => zipOf(`version ${version}`);
const asJson: Content = (version) => JSON.stringify({ at: `version ${version}` });
const asJsonLines: Content = (version) => `{"at":1}\n{"at":"version ${version}"}\n`;
const nothing: Content = () => '';

interface Case {
  readonly weights: string;
  readonly beside: string;
  readonly content: Content;
  /** How often it is written; default: once. */
  readonly everyMs?: number;
}

/** Files that share a word in their names with weights, and that no look finds still and whole. */
const cases: readonly Case[] = [
  { weights: 'latest.pt', beside: 'latest_metrics.json', content: asJson, everyMs: 500 },
  { weights: 'latest.pt', beside: 'latest_metrics.json', content: asJson, everyMs: 1000 },
  { weights: 'last.ckpt', beside: 'last.yaml', content: (version) => `version ${version}`, everyMs: 1500 },
  { weights: 'best_model.pt', beside: 'best_history.json', content: asJson, everyMs: 5000 },
  { weights: 'best/model.pt', beside: 'best/state.json', content: asJson, everyMs: 1000 },
  { weights: 'best_model.pt', beside: 'best_ema.pt', content: asZip, everyMs: 1000 },
  { weights: 'best_model.pt', beside: 'best.pt', content: nothing },
  { weights: 'best_model.pt', beside: 'best_log.json', content: asJsonLines },
  { weights: 'best_model.pt', beside: 'best_log.json', content: asJsonLines, everyMs: 1000 },
  { weights: 'best_model.pt', beside: 'best_log.json', content: asJsonLines, everyMs: 30_000 },
  { weights: 'model_best.pth.tar', beside: 'config_best.json', content: nothing },
  { weights: 'ema/model.safetensors.bin', beside: 'ema/model.pt', content: nothing },
];

const LOOK_MS = 500;
/** Longer than a file of weights may be without rest. */
const LONG_MS = 75_000;

/** Looks for as long while the file beside is written at its own pace. */
async function train(world: World, publisher: Publisher, each: Case, lastsMs: number): Promise<void> {
  const { beside, content, everyMs = Infinity } = each;
  for (let atMs = 0; atMs < lastsMs; atMs += LOOK_MS) {
    if (atMs % everyMs === 0) await world.write(beside, content(world.clock.monotonicMs()));
    await publisher.pass({ signal: never });
    await world.clock.advance(LOOK_MS);
  }
}

async function save(world: World, { weights }: Case, step: number): Promise<void> {
  await world.write(`step_${step}.pt`, zipOf(`version ${step}`));
  await world.write(weights, asZip(step));
}

async function restoredVersion(world: World, path: string): Promise<number> {
  await rm(world.folder, { recursive: true });
  await world.restore();
  const text = await readFile(join(world.folder, path), 'utf8').catch(() => '');
  return Number(/version (\d+)/.exec(text)?.[1] ?? Number.NaN);
}

describe.each(cases)('$weights beside $beside, written every $everyMs ms', (each) => {
  test('goes along with each step', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    await world.write(each.beside, each.content(0));
    for (const step of [100, 200]) {
      await save(world, each, step);
      await train(world, publisher, each, LONG_MS);
    }
    await publisher.settled();
    expect((await world.pointer())?.step).toBe(200);
    expect(await restoredVersion(world, each.weights)).toBe(200);
  });

  test.each([true, false])('goes along when the workload has ended (by itself: %s)', async (clean) => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    await world.write(each.beside, each.content(0));
    await save(world, each, 100);
    await train(world, publisher, each, LONG_MS);
    await save(world, each, 200);
    await train(world, publisher, each, 7500);
    if (each.everyMs !== undefined) await world.write(each.beside, each.content(1));
    const ended = { clean, atMs: world.clock.wallMs() };
    const report: PassReport = await publisher.pass({ signal: never, ended });
    await publisher.settled();
    expect(report.candidates.map(({ entry }) => entry)).not.toContain(each.weights);
    expect((await world.pointer())?.step).toBe(200);
    expect(await restoredVersion(world, each.weights)).toBe(200);
  });
});

test('weights that grow for minutes are waited for, since a part of a save is no save', async () => {
  await using world = await openWorld();
  const publisher = world.publisher({ recognisers });
  const each = { weights: 'best_model.pt', beside: 'best_optimizer.pt', content: asZip };
  await save(world, each, 100);
  await train(world, publisher, each, 20_000);
  await save(world, each, 200);
  await train(world, publisher, { ...each, content: (now) => 'x'.repeat(now), everyMs: 1000 }, 2 * LONG_MS);
  await publisher.settled();
  expect((await world.pointer())?.step).toBe(200);
  expect(await restoredVersion(world, each.weights)).toBe(100);
});
