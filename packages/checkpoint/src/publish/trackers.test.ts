import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Manifest } from '@runctl/protocol';
import { intercepted, MemoryStore, readText } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

interface Framework {
  readonly name: string;
  readonly tracker: string;
  readonly folder: (step: number) => string;
  readonly files: readonly string[];
  readonly says: (step: number) => string;
}

const frameworks: readonly Framework[] = [
  {
    name: 'DeepSpeed',
    tracker: 'latest',
    folder: (step) => `global_step${step}`,
    files: ['mp_rank_00_model_states.pt', 'zero_pp_rank_0_mp_rank_00_optim_states.pt'],
    says: (step) => `global_step${step}`,
  },
  {
    name: 'DeepSpeed with tags of its own, one folder down',
    tracker: 'out/latest',
    folder: (step) => `out/epoch-${step}`,
    files: ['mp_rank_00_model_states.pt', 'zero_pp_rank_0_mp_rank_00_optim_states.pt'],
    says: (step) => `epoch-${step}\n`,
  },
  {
    name: 'Megatron',
    tracker: 'latest_checkpointed_iteration.txt',
    folder: (step) => `iter_${String(step).padStart(7, '0')}`,
    files: ['mp_rank_00/model_optim_rng.pt', 'mp_rank_01/model_optim_rng.pt'],
    says: (step) => `${step}`,
  },
];

/** Saves as the framework does: the folder, then the tracker, then the deletion of what it does not keep. */
class Saver {
  step = 0;
  readonly #world: World;
  readonly #of: Framework;
  readonly #keeps: number;
  #saving = Promise.resolve();
  #begun = 0;
  #writes = 0;

  constructor(world: World, of: Framework, keeps: number) {
    this.#world = world;
    this.#of = of;
    this.#keeps = keeps;
  }

  /** Writes the first file of the next save. */
  async begin(): Promise<void> {
    const [first = ''] = this.#of.files;
    if (this.#begun === this.step + 1) return;
    this.#begun = this.step + 1;
    await this.#write(`${this.#of.folder(this.#begun)}/${first}`, zipOf(`${first} of ${this.#begun}`));
  }

  /** One save after another, however many are asked for at once. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    const { files, folder, says, tracker } = this.#of;
    await this.begin();
    const step = ++this.step;
    for (const name of files.slice(1)) await this.#write(`${folder(step)}/${name}`, zipOf(`${name} of ${step}`));
    await this.#write(tracker, says(step));
    await rm(join(this.#world.folder, folder(step - this.#keeps)), { recursive: true, force: true });
  }

  /** Each write a little later than the one before, though the clock stands still while something is sent. */
  #write(path: string, content: string | Buffer): Promise<void> {
    return this.#world.write(path, content, -++this.#writes / 10);
  }
}

interface Pace {
  readonly framework: Framework;
  readonly keeps: number;
  readonly duringEachUpload: number;
  readonly looksBetweenSaves: number;
  /** The next save has begun at every look. */
  readonly midway: boolean;
}

const LOOK_MS = 500;
const LOOKS = 40;

/** The manifests that 20 seconds of such saves make, in order, each with the text of its tracker, and the world after them. */
async function watched(pace: Pace, restored: (world: World) => Promise<void>) {
  const clock = new FakeClock();
  let duringUpload: () => Promise<void> = () => Promise.resolve();
  const store = intercepted(new MemoryStore({ clock }), async ({ key }, forward) => {
    if (key?.includes('/data/') === true && key.endsWith('.pt')) await duringUpload();
    return forward();
  });
  await using world = await openWorld({ store, clock });
  const saver = new Saver(world, pace.framework, pace.keeps);
  const publisher = world.publisher({ recognisers });
  const published: { readonly manifest: Manifest; readonly text: string; readonly look: number }[] = [];
  for (let look = 0; look < LOOKS; look++) {
    if (look % pace.looksBetweenSaves === 0) await saver.save();
    if (pace.midway) await saver.begin();
    let saves = pace.duringEachUpload;
    duringUpload = async () => {
      if (saves-- > 0) await saver.save();
    };
    const { published: manifest } = await publisher.pass({ signal: never });
    duringUpload = () => Promise.resolve();
    const tracker = manifest?.files.find(({ path }) => path === pace.framework.tracker);
    if (manifest !== null)
      published.push({ manifest, look, text: tracker === undefined ? '' : await readText(store, tracker.key) });
    await clock.advance(LOOK_MS);
  }
  await publisher.settled();
  await rm(world.folder, { recursive: true });
  await world.restore();
  await restored(world);
  return published;
}

const paces = fc.record({
  framework: fc.constantFrom(...frameworks),
  keeps: fc.constantFrom(2, 3, 8),
  duringEachUpload: fc.integer({ min: 1, max: 3 }),
  looksBetweenSaves: fc.integer({ min: 1, max: 6 }),
  midway: fc.boolean(),
});

test('saves that come faster than they can be sent are durable in bounded time, each with a tracker that names it', async () => {
  await fc.assert(
    fc.asyncProperty(paces, async (pace) => {
      const { tracker, says, folder } = pace.framework;
      let last = '';
      const published = await watched(pace, async (world) => {
        last = await readFile(join(world.folder, tracker), 'utf8');
      });
      const looks = [0, ...published.map(({ look }) => look), LOOKS];
      for (const [index, look] of looks.entries())
        expect(look - (looks[index - 1] ?? 0)).toBeLessThanOrEqual(10_000 / LOOK_MS);
      for (const { manifest, text } of published) {
        expect(text).toBe(says(manifest.step ?? 0));
        expect(manifest.entry).toBe(folder(manifest.step ?? 0));
        expect(manifest.files).toHaveLength(pace.framework.files.length + 1);
      }
      expect(last).toBe(published.at(-1)?.text);
    }),
    { numRuns: 12 },
  );
});

describe.each(frameworks)('$name', (framework) => {
  test('an older save that is published because the newer one lacks a file has the tracker of its own', async () => {
    await using world = await openWorld();
    const { files, folder, says, tracker } = framework;
    for (const name of files) await world.write(`${folder(1)}/${name}`, zipOf(`${name} of 1`), 1000);
    for (const name of files.slice(1)) await world.write(`${folder(2)}/${name}`, zipOf(`${name} of 2`), 1000);
    await world.write(tracker, says(2));
    await world.settleAndPass(world.publisher({ recognisers }));
    await rm(world.folder, { recursive: true });
    expect((await world.restore())?.manifest.step).toBe(1);
    expect(await readFile(join(world.folder, tracker), 'utf8')).toBe(says(1));
  });

  test.each(['run_info.json', 'out/run_info.json'])('a tracker that %s names too is kept once', async (info) => {
    await using world = await openWorld();
    const saver = new Saver(world, framework, 100);
    const name = framework.tracker.split('/').at(-1);
    await world.write(info, JSON.stringify({ resume_from: name }));
    await saver.save();
    const { published } = await world.settleAndPass(world.publisher({ recognisers }));
    expect(published?.files.filter(({ path }) => path === framework.tracker)).toHaveLength(1);
    await rm(world.folder, { recursive: true });
    expect((await world.restore())?.manifest.step).toBe(1);
  });

  test('a tracker that changes alone publishes nothing again', async () => {
    await using world = await openWorld();
    const saver = new Saver(world, framework, 100);
    const publisher = world.publisher({ recognisers });
    await saver.save();
    expect((await world.settleAndPass(publisher)).published?.step).toBe(1);
    await saver.begin();
    await world.write(framework.tracker, framework.says(2), -1000);
    expect((await world.settleAndPass(publisher)).published).toBeNull();
  });
});
