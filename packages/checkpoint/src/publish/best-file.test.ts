import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@runctl/protocol';
import { readText } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import type { Publisher } from '../contract/publisher-port.ts';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

/** How a script keeps the best model beside the saves of its steps, always under the same names. */
interface BestLayout {
  readonly name: string;
  /** In the order in which they are written. */
  readonly files: readonly string[];
}

const layouts: readonly BestLayout[] = [
  { name: 'best.pt', files: ['best.pt'] },
  { name: 'model_best.pth.tar', files: ['model_best.pth.tar'] },
  { name: 'a model and its optimizer', files: ['best_model.pt', 'best_optimizer.pt'] },
  { name: 'weights and what they scored', files: ['best.pt', 'best.json'] },
  { name: 'a folder', files: ['best/model.pt', 'best/optimizer.pt'] },
  { name: 'a folder with folders', files: ['best/unet/weights.bin', 'best/vae/weights.bin'] },
];

type Action =
  | { readonly step: number }
  | { readonly best: number; readonly part?: number }
  /** Takes away the save of a step, or the best. */
  | { readonly gone: number | 'best' }
  | { readonly waitMs: number };

interface Order {
  readonly name: string;
  readonly actions: readonly Action[];
  /** Steps that become durable, in order; each may do so anew with a newer best. */
  readonly steps: readonly (number | null)[];
}

const LOOK_MS = 500;
const settled: Action = { waitMs: 30_000 };
const begun: readonly Action[] = [{ step: 100 }, { best: 1 }, settled];

const orders: readonly Order[] = [
  { name: 'before the file of its step', actions: [...begun, { best: 2 }, { step: 200 }, settled], steps: [100, 200] },
  { name: 'right after it', actions: [...begun, { step: 200 }, { best: 2 }, settled], steps: [100, 200] },
  {
    name: 'after an evaluation',
    actions: [...begun, { step: 200 }, { waitMs: 10_000 }, { best: 2 }, settled],
    steps: [100, 200],
  },
  {
    name: 'between two steps',
    actions: [...begun, { best: 2 }, settled, { step: 200 }, settled],
    steps: [100, 200],
  },
  {
    name: 'twice at one step',
    actions: [...begun, { step: 200 }, { best: 2 }, { waitMs: 1000 }, { best: 3 }, settled],
    steps: [100, 200],
  },
  {
    name: 'in pieces, while a step is saved',
    actions: [
      ...begun,
      { best: 2, part: 0 },
      { waitMs: 1500 },
      { step: 200 },
      { waitMs: 1500 },
      { best: 2, part: 1 },
      settled,
    ],
    steps: [100, 200],
  },
  {
    name: 'in pieces with a long pause, while a step is saved',
    actions: [...begun, { best: 2, part: 0 }, { step: 200 }, { waitMs: 5000 }, { best: 2, part: 1 }, settled],
    steps: [100, 200],
  },
  {
    name: 'alone, before the first step',
    actions: [{ best: 1 }, settled, { best: 2 }, settled, { step: 100 }, settled],
    steps: [null, 100],
  },
  {
    name: 'after it was taken away',
    actions: [...begun, { gone: 'best' }, { step: 200 }, { waitMs: 1000 }, { best: 2 }, settled],
    steps: [100, 200],
  },
  {
    name: 'while no save of a step is there',
    actions: [...begun, { gone: 100 }, { best: 2 }, { waitMs: 60_000 }, { step: 200 }, settled],
    steps: [100, 200],
  },
];

const contentOf = (path: string, version: number): Buffer | string =>
  path.endsWith('.json') ? JSON.stringify({ version: `best ${version}` }) : zipOf(`${path} best ${version}`);
const versionIn = (text: string): number => Number(/best (\d+)/.exec(text)?.[1] ?? Number.NaN);

async function act(world: World, { files }: BestLayout, action: Action): Promise<void> {
  if ('step' in action) await world.write(`step_${action.step}.pt`, zipOf(`weights ${action.step}`));
  if ('best' in action) {
    const { best, part } = action;
    const pieces =
      files.length === 1 ? (part === 0 ? [] : files) : part === undefined ? files : files.slice(part, part + 1);
    for (const path of pieces) await world.write(path, contentOf(path, best));
  }
  if ('gone' in action)
    for (const path of action.gone === 'best' ? files : [`step_${action.gone}.pt`]) await rm(join(world.folder, path));
}

/** Versions of the best's files in a manifest. */
async function versionsIn(world: World, { files }: BestLayout, manifest: Manifest): Promise<readonly number[]> {
  const held = manifest.files.filter(({ path }) => files.includes(path));
  const versions = await Promise.all(held.map(async ({ key }) => versionIn(await readText(world.store, key))));
  expect(held.length === 0 || held.length === files.length).toBe(true);
  return Array.from(new Set(versions));
}

async function play(
  world: World,
  publisher: Publisher,
  layout: BestLayout,
  actions: readonly Action[],
): Promise<readonly Manifest[]> {
  const published: Manifest[] = [];
  for (const action of actions) {
    await act(world, layout, action);
    const waitMs = 'waitMs' in action ? action.waitMs : 0;
    for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_MS) {
      const report = await publisher.pass({ signal: never });
      if (report.published !== null) published.push(report.published);
      await world.clock.advance(LOOK_MS);
    }
  }
  await publisher.settled();
  return published;
}

describe.each(layouts)('the best as $name', (layout) => {
  test.each(orders)('written $name', async ({ actions, steps }) => {
    await using world = await openWorld();
    const manifests = await play(world, world.publisher({ recognisers }), layout, actions);
    let newest = 0;
    for (const manifest of manifests) {
      const versions = await versionsIn(world, layout, manifest);
      expect(versions.length).toBeLessThanOrEqual(1);
      expect(versions[0] ?? newest).toBeGreaterThanOrEqual(newest);
      newest = versions[0] ?? newest;
    }
    const versions = actions.flatMap((action) => ('best' in action ? [action.best] : []));
    const final = versions.at(-1);
    expect(newest).toBe(final);
    expect(Array.from(new Set(manifests.map(({ step }) => step)))).toEqual(steps);
    expect(manifests.length).toBeLessThan(steps.length + new Set(versions).size);
    await rm(world.folder, { recursive: true });
    await world.restore();
    for (const path of layout.files) expect(versionIn(await readFile(join(world.folder, path), 'utf8'))).toBe(final);
  });
});
