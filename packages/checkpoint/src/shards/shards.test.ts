import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeDocument,
  encodeDocument,
  type Manifest,
  manifest as manifestSchema,
  runKeys,
  shard as shardSchema,
  PART_SIZE_BYTES,
} from '@runctl/protocol';
import { intercepted, MemoryStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PassReport, Publisher } from '../contract/publisher-port.ts';
import { never, openWorld, RUN, SETTLE_MS, type World } from '../testing/test-world.ts';
import { manifestForNode, mergeShards } from '../ledger/node-files.ts';

const GATHER_MS = 60_000;

interface MachineOptions {
  readonly generation: number;
  readonly node: number;
  readonly nodes: number;
  /** The store call at which the machine dies, before (even) or after (odd) it is performed; 0 = it lives on. */
  readonly diesAt?: number;
  readonly callMs?: number;
  /** The answer to its first delivery gets lost, though the bucket has it. */
  readonly losesAnswer?: boolean;
}

/** Tells how many wait, so that time stands still while somebody works on a disk. */
class WaitingClock extends FakeClock {
  sleeping = 0;

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeping++;
    try {
      await super.sleep(ms, signal);
    } finally {
      this.sleeping--;
    }
  }
}

/** One machine of a run of several, with a disk of its own; its publisher passes again and again until it is dead. */
class Machine {
  readonly options: MachineOptions;
  readonly clock: FakeClock;
  readonly world: World;
  readonly publisher: Publisher;
  readonly reports: PassReport[] = [];
  dead = false;
  holdsLease = true;

  constructor(options: MachineOptions, world: World, clock: FakeClock) {
    this.options = options;
    this.world = world;
    this.clock = clock;
    const { generation, node, nodes, diesAt = 0, callMs = 0 } = options;
    let calls = 0;
    let loses = options.losesAnswer ?? false;
    const store = intercepted(world.store, async ({ operation, key }, perform) => {
      const died = (): never => {
        this.dead = true;
        throw new StoreError('permanent', 'the machine is dead');
      };
      if (this.dead) died();
      if (callMs > 0) await clock.sleep(callMs);
      const isLast = ++calls === diesAt;
      if (isLast && diesAt % 2 === 0) died();
      const result = await perform();
      if (loses && operation === 'put' && key?.includes('/shards/') === true) {
        loses = false;
        throw new StoreError('transient', 'the answer got lost');
      }
      return isLast ? died() : result;
    });
    this.publisher = world.publisher({
      store,
      node,
      nodes,
      gatherMs: GATHER_MS,
      mayPublish: () => (this.dead || (node === 0 && !this.holdsLease) ? null : { generation }),
    });
  }

  /** The step that was restored. Its files get the time of the test's clock, since none was written by it. */
  async restore(): Promise<number | null> {
    const { node } = this.options;
    const restored = await this.clock.runUntil(this.world.restore({ node }));
    const seconds = this.clock.wallMs() / 1000;
    for (const { path } of restored?.manifest.files ?? [])
      await utimes(join(this.world.folder, path), seconds, seconds);
    return restored?.manifest.step ?? null;
  }

  /** A rank's part of a step: a shard of its own, and a file that every rank writes alike. */
  async save(step: number): Promise<void> {
    const { generation, node } = this.options;
    await this.world.write(`step-${step}/shard-${node}.json`, JSON.stringify({ generation, node, step }));
    await this.world.write(`step-${step}/common.json`, JSON.stringify({ generation, step }));
  }
}

/** A run of several machines over one bucket. */
class Cluster implements AsyncDisposable {
  readonly clock = new WaitingClock();
  readonly bucket = new MemoryStore({ clock: this.clock });
  readonly machines: Machine[] = [];

  async machine(options: MachineOptions): Promise<Machine> {
    const machine = new Machine(options, await openWorld({ clock: this.clock, store: this.bucket }), this.clock);
    this.machines.push(machine);
    return machine;
  }

  async generation(generation: number, nodes: number, each: (node: number) => Partial<MachineOptions> = () => ({})) {
    return Promise.all(
      Array.from({ length: nodes }, (_, node) => this.machine({ generation, node, nodes, ...each(node) })),
    );
  }

  /** All living machines pass side by side for a time. */
  async passFor(ms: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + ms;
    const loops = this.machines.map(async (machine) => {
      while (!machine.dead && this.clock.monotonicMs() < untilMs) {
        machine.reports.push(await machine.publisher.pass({ signal: never }));
        await this.clock.sleep(SETTLE_MS);
      }
    });
    let running = loops.length;
    const isRunning = (): boolean => running > 0;
    for (const loop of loops) loop.finally(() => running--).catch(() => {});
    while (isRunning()) {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (isRunning() && this.clock.sleeping >= running) await this.clock.advance(250);
    }
    await Promise.all(loops);
  }

  async manifestAt(key: string): Promise<Manifest> {
    return decodeDocument(manifestSchema, await readBytes(this.bucket, key), key);
  }

  /** Every committed checkpoint, newest first. */
  async committed(): Promise<readonly Manifest[]> {
    const chain: Manifest[] = [];
    const [first] = this.machines;
    const pointer = await first?.world.pointer();
    // Before the first pointer a restore takes the newest manifest that is listed.
    const listed = (await first?.world.keys(runKeys(RUN).manifestsFolder))?.at(-1) ?? null;
    for (let key = pointer?.manifest ?? listed; key !== null;) {
      const manifest = await this.manifestAt(key);
      chain.push(manifest);
      key = manifest.previous;
    }
    return chain;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { world } of this.machines) await world[Symbol.asyncDispose]();
  }
}

/** A checkpoint that is in the bucket holds one step of one generation, of every node. */
async function expectWhole(cluster: Cluster, manifest: Manifest, nodes: number): Promise<void> {
  const all = Array.from({ length: nodes }, (_, node) => node);
  expect(manifest.nodes).toEqual(all);
  const { step } = manifest;
  const contents = await Promise.all(
    manifest.files.map(
      async ({ path, key }) =>
        [path, JSON.parse(Buffer.from(await readBytes(cluster.bucket, key)).toString())] as const,
    ),
  );
  const generations = new Set(contents.map(([, content]) => (content as { generation: number }).generation));
  expect(generations.size).toBe(1);
  const [generation] = generations;
  expect(Object.fromEntries(contents)).toEqual({
    [`step-${step}/common.json`]: { generation, step },
    ...Object.fromEntries(all.map((node) => [`step-${step}/shard-${node}.json`, { generation, node, step }])),
  });
}

describe('a checkpoint of several machines', () => {
  test('is published when all have delivered, and every node gets all of its files', async () => {
    await using cluster = new Cluster();
    const [first, second, third] = await cluster.generation(1, 3);
    for (const machine of [first, third]) await machine?.save(100);
    await cluster.passFor(10_000);
    expect(await cluster.committed()).toEqual([]);
    await second?.save(100);
    await cluster.passFor(20_000);
    const [manifest] = await cluster.committed();
    expect(manifest).toMatchObject({ step: 100, nodes: [0, 1, 2] });
    if (manifest !== undefined) await expectWhole(cluster, manifest, 3);
    for (const machine of [first, second, third]) {
      expect(machine?.publisher.durable()).toMatchObject({ step: 100 });
      expect(machine?.reports.at(-1)).toMatchObject({ unsettled: false, notDurable: [], error: null });
    }
    for (const node of [0, 2]) {
      const replacement = await cluster.machine({ generation: 2, node, nodes: 3 });
      await replacement.world.restore({ node });
      const shard = await readFile(join(replacement.world.folder, 'step-100/shard-1.json'), 'utf8');
      expect(JSON.parse(shard)).toEqual({ generation: 1, node: 1, step: 100 });
    }
  });

  test('is not published while one machine is missing, which is named; the next one is', async () => {
    await using cluster = new Cluster();
    const [first, second] = await cluster.generation(1, 2);
    await first?.save(100);
    await cluster.passFor(GATHER_MS + 10_000);
    expect(await cluster.committed()).toEqual([]);
    expect(first?.reports.flatMap((report) => report.notDurable)).toContain(
      'step-100 (step 100): 1 of 2 nodes delivered step 100 in time; missing: node 1',
    );
    for (const machine of [first, second]) await machine?.save(200);
    await cluster.passFor(20_000);
    expect((await cluster.committed()).map(({ step }) => step)).toEqual([200]);
  });

  test('is given up at once where a machine has gone on without that step, so that later ones need not wait', async () => {
    await using cluster = new Cluster();
    const [first, second] = await cluster.generation(1, 2);
    await first?.save(100);
    await second?.save(200);
    await cluster.passFor(10_000);
    await first?.save(200);
    await cluster.passFor(10_000);
    expect(first?.reports.flatMap((report) => report.notDurable)).toContain(
      'step-100 (step 100): 1 of 2 nodes delivered step 100 in time; missing: node 1 (it has step 200 and no step 100 any more)',
    );
    expect((await cluster.committed()).map(({ step }) => step)).toEqual([200]);
  });

  test('takes no answer that a straggler of an older generation or of another round forged or sent late', async () => {
    await using cluster = new Cluster();
    const [first, second] = await cluster.generation(2, 2);
    const straggler = await cluster.machine({ generation: 1, node: 1, nodes: 2 });
    await straggler.save(100);
    await first?.save(100);
    await cluster.passFor(20_000);
    expect(await cluster.committed()).toEqual([]);
    expect(straggler.reports.at(-1)?.candidates).toEqual([]);
    const keys = await first?.world.keys(runKeys(RUN).shardsFolder);
    expect(keys).toHaveLength(1);
    await second?.save(100);
    await cluster.passFor(20_000);
    const [manifest] = await cluster.committed();
    if (manifest !== undefined) await expectWhole(cluster, manifest, 2);
    expect(manifest?.files.every((file) => file.key.includes('/000002-'))).toBe(true);
  });

  test('refuses an answer whose nonce or step is not that of the round, and says so', async () => {
    await using cluster = new Cluster();
    const [first] = await cluster.generation(1, 2);
    await first?.save(100);
    await first?.publisher.pass({ signal: never });
    await cluster.clock.advance(SETTLE_MS);
    const gathering = first?.publisher.pass({ signal: never });
    const rounds = async (): Promise<readonly string[]> => (await first?.world.keys(runKeys(RUN).shardsFolder)) ?? [];
    while ((await rounds()).length === 0) await cluster.clock.advance(100);
    const [round] = await rounds();
    const answer = {
      version: 2 as const,
      generation: 1,
      seq: 1,
      nonce: 'aaaaaaaaaaaaaaaa',
      step: 100,
      node: 1,
      evidence: '',
      declined: null,
      files: [
        {
          path: 'step-100/shard-1.json',
          key: 'k',
          sizeBytes: 1,
          sha256: '0'.repeat(64),
          mode: 0,
          partSizeBytes: 1,
          partCrc32: [''],
          partSha256: ['0'.repeat(64)],
        },
      ],
      savedAt: '2026-01-01T00:00:00.000Z',
      at: '2026-01-01T00:00:00.000Z',
    };
    await cluster.bucket.put(String(round).replace('round', '0001'), encodeDocument(shardSchema, answer));
    const report = await cluster.clock.runUntil(Promise.resolve(gathering), {
      stepMs: SETTLE_MS,
      limitMs: 100 * GATHER_MS,
    });
    expect(report?.notDurable).toEqual([
      expect.stringContaining('missing: node 1 (its answer belongs to another round)'),
    ]);
    expect(await cluster.committed()).toEqual([]);
  });

  test('is not attempted where nothing tells the step, since the parts could be of different ones', async () => {
    await using cluster = new Cluster();
    const [first] = await cluster.generation(1, 2);
    await first?.world.write('state.json', '{}');
    await cluster.passFor(10_000);
    expect(first?.reports.at(-1)?.notDurable.join()).toContain(
      "nothing tells its step, so the files of 2 machines can't be",
    );
  });

  test('names only what is there, also where a machine did not hear that its delivery had arrived', async () => {
    await using cluster = new Cluster();
    const machines = await cluster.generation(1, 2, (node) => (node === 0 ? { callMs: 3000 } : { losesAnswer: true }));
    for (const machine of machines) {
      await machine.save(100);
      await machine.world.write(`step-100/large-${machine.options.node}.json`, `"${'x'.repeat(PART_SIZE_BYTES)}"`);
    }
    await cluster.passFor(60_000);
    expect(machines[1]?.reports.some((report) => report.error !== null)).toBe(true);
    const [manifest] = await cluster.committed();
    expect(manifest?.files).toHaveLength(5);
    for (const { key, sizeBytes } of manifest?.files ?? [])
      expect((await cluster.bucket.head(key))?.sizeBytes).toBe(sizeBytes);
  });

  test('leaves no rounds behind once a later one is the latest', async () => {
    await using cluster = new Cluster();
    const machines = await cluster.generation(1, 2);
    for (const step of [100, 200]) {
      for (const machine of machines) await machine.save(step);
      await cluster.passFor(20_000);
    }
    expect(await cluster.committed()).toHaveLength(2);
    expect(await machines[0]?.world.keys(runKeys(RUN).shardsFolder)).toEqual([]);
  });
});

test('files of one path and different content are all kept, and each node gets its own', () => {
  const file = (path: string, content: string) =>
    ({ path, key: content, sizeBytes: 1, sha256: content }) as Manifest['files'][number];
  const files = mergeShards([
    { node: 1, files: [file('rng', 'b'), file('same', 'x')] },
    { node: 0, files: [file('rng', 'a'), file('same', 'x')] },
    { node: 2, files: [file('own', 'c')] },
  ]);
  const manifest = { files } as Manifest;
  const seen = (node: number) => manifestForNode(manifest, node).files.map(({ path, key }) => `${path}=${key}`);
  expect(files).toHaveLength(4);
  expect(seen(0)).toEqual(['own=c', 'rng=a', 'same=x']);
  expect(seen(1)).toEqual(['own=c', 'rng=b', 'same=x']);
  expect(seen(2)).toEqual(['own=c', 'rng=a', 'same=x']);
});

const machines = fc.record({ callMs: fc.constantFrom(0, 10, 700), saveDelayMs: fc.constantFrom(0, 500, 9000) });
const worlds = fc.record({
  each: fc.array(machines, { minLength: 2, maxLength: 3 }),
  dying: fc.nat(2),
  diesAt: fc.integer({ min: 1, max: 25 }),
  nextEach: fc.array(machines, { minLength: 3, maxLength: 3 }),
});

test('whoever dies at whatever call, and however slow: only whole checkpoints of one generation are ever committed', async () => {
  let deaths = 0;
  await fc.assert(
    fc.asyncProperty(worlds, async ({ each, dying, diesAt, nextEach }) => {
      await using cluster = new Cluster();
      const nodes = each.length;
      const old = await cluster.generation(1, nodes, (node) => ({
        callMs: each[node]?.callMs ?? 0,
        diesAt: node === dying % nodes ? diesAt : 0,
      }));
      const saveAll = async (
        machines: readonly Machine[],
        step: number,
        delays: readonly { saveDelayMs: number }[],
      ) => {
        await Promise.all(
          machines.map(async (machine, node) => {
            await cluster.clock.sleep(delays[node]?.saveDelayMs ?? 0);
            if (!machine.dead) await machine.save(step);
          }),
        );
      };
      const live = (saving: Promise<void>): Promise<unknown> => Promise.all([saving, cluster.passFor(25_000)]);
      await live(saveAll(old, 100, each));
      await live(saveAll(old, 200, each));
      const before = await cluster.committed();
      deaths += old.filter((machine) => machine.dead).length;
      // The replacement: the old node 0 has lost the lease, the other old machines don't know of it yet.
      for (const machine of old) machine.holdsLease = false;
      const next = await cluster.generation(2, nodes, (node) => ({ callMs: nextEach[node]?.callMs ?? 0 }));
      for (const machine of next) expect(await machine.restore()).toBe(before[0]?.step ?? null);
      await live(
        (async () => {
          await Promise.all([saveAll(old, 300, each), saveAll(next, 300, nextEach)]);
        })(),
      );
      const committed = await cluster.committed();
      for (const manifest of committed) await expectWhole(cluster, manifest, nodes);
      expect(committed[0]).toMatchObject({ generation: 2, step: 300 });
      // What was restored may be committed once more, where no pointer named it yet.
      expect(committed.filter((manifest) => manifest.generation === 1)).toEqual(before);
    }),
    { numRuns: 8 },
  );
  expect(deaths).toBeGreaterThan(0);
}, 60_000);
