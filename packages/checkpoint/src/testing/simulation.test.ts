import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compareOrder,
  decodeDocument,
  defaultRetention,
  type Manifest,
  manifest as manifestSchema,
} from '@runctl/protocol';
import { intercepted, MemoryStore, type ObjectStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Publisher } from '../contract/publisher-port.ts';
import type { OpenWriters } from '../contract/recogniser.ts';
import { never, openWorld, SETTLE_MS, type World } from './test-world.ts';

/** How the script of a simulated run writes: one file over and over in place, or a folder of two files for each step. */
type Layout = 'in-place' | 'stepped';

type Fault = 'refused' | 'answer-lost' | 'crash';

type Command =
  | { readonly kind: 'save' }
  /** Half a file is written, time passes while the file is open, then a pass looks, then the rest is written. */
  | { readonly kind: 'slow-save'; readonly pauseMs: number; readonly fault: FaultPlan | null }
  | { readonly kind: 'pass'; readonly afterMs: number; readonly fault: FaultPlan | null }
  /** The script is killed in the middle of a save; the agent publishes what counts, then restores. */
  | { readonly kind: 'killed-saving'; readonly fault: FaultPlan | null }
  /** A machine of the next generation restores and goes on; the old one knows nothing of it yet. */
  | { readonly kind: 'takeover'; readonly fault: FaultPlan | null }
  /** The machine that was replaced saves and publishes still. */
  | { readonly kind: 'zombie'; readonly fault: FaultPlan | null };

interface FaultPlan {
  readonly fault: Fault;
  /** Which call to the store from now on. */
  readonly call: number;
}

class Crash extends Error {}

/** One life of an agent: a crash ends all its calls. */
class Agent {
  readonly generation: number;
  readonly world: World;
  readonly publisher: Publisher;
  readonly #plan: { current: FaultPlan | null } = { current: null };
  readonly store: ObjectStore;
  dead = false;

  constructor(world: World, generation: number, writers: OpenWriters) {
    this.generation = generation;
    this.world = world;
    let calls = 0;
    this.store = intercepted(world.store, async (_call, perform) => {
      if (this.dead) throw new StoreError('permanent', 'dead', { cause: new Crash() });
      const plan = this.#plan.current;
      if (plan === null) {
        calls = 0;
        return perform();
      }
      if (++calls !== plan.call) return perform();
      this.#plan.current = null;
      calls = 0;
      if (plan.fault === 'refused') throw new StoreError('transient', 'refused');
      await perform();
      this.dead = plan.fault === 'crash';
      throw new StoreError('transient', plan.fault);
    });
    this.publisher = world.publisher({
      store: this.store,
      openWriters: writers,
      keep: { ...defaultRetention, last: 1000 },
      mayPublish: () => (this.dead ? null : { generation }),
    });
  }

  failAt(plan: FaultPlan | null): void {
    this.#plan.current = plan;
  }
}

/** The whole simulated run, with what must hold of it. */
class Run {
  readonly clock = new FakeClock();
  readonly memory = new MemoryStore({ clock: this.clock });
  readonly layout: Layout;
  readonly worlds: World[] = [];
  readonly acknowledged: string[] = [];
  /** Contents of every save that was finished. */
  readonly finished = new Set<string>();
  #version = 0;
  #open = new Set<string>();
  agent!: Agent;
  replaced: Agent | null = null;
  #highest = { generation: 0, seq: 0 };

  constructor(layout: Layout) {
    this.layout = layout;
  }

  async newMachine(generation: number): Promise<Agent> {
    const world = await openWorld({ clock: this.clock, store: this.memory });
    this.worlds.push(world);
    return new Agent(world, generation, this.writers());
  }

  writers(): OpenWriters {
    return {
      among: (files) =>
        Promise.resolve(new Set(files.filter((file) => this.#open.has(file.path)).map((file) => file.inode))),
    };
  }

  #files(version: number): { readonly path: string; readonly content: string }[] {
    const content = JSON.stringify({ version, filler: 'x'.repeat(version % 7) });
    return this.layout === 'in-place'
      ? [{ path: 'state.json', content }]
      : ['model', 'optimizer'].map((name) => ({ path: `checkpoint-${version}/${name}.json`, content }));
  }

  async save(agent: Agent): Promise<void> {
    const version = ++this.#version;
    for (const { path, content } of this.#files(version)) {
      await this.clock.advance(1);
      await agent.world.write(path, content);
    }
    this.finished.add(JSON.stringify(this.#files(version)));
  }

  async slowSave(agent: Agent, between: () => Promise<void>): Promise<void> {
    const version = ++this.#version;
    for (const { path, content } of this.#files(version)) {
      await this.clock.advance(1);
      this.#open.add(path);
      await agent.world.write(path, content.slice(0, content.length / 2));
      await between();
      await this.clock.advance(1);
      await agent.world.write(path, content);
      this.#open.delete(path);
    }
    this.finished.add(JSON.stringify(this.#files(version)));
  }

  /** Leaves part of a save behind: the first file whole and nothing else, or half of the first. */
  async tornSave(agent: Agent): Promise<void> {
    const version = ++this.#version;
    const [first] = this.#files(version);
    await this.clock.advance(1);
    const whole = this.layout === 'stepped' && version % 2 === 0;
    const content = first?.content ?? '';
    await agent.world.write(first?.path ?? '', whole ? content : content.slice(0, content.length / 2));
  }

  async pass(agent: Agent, fault: FaultPlan | null, ended?: { clean: boolean; atMs: number }): Promise<void> {
    agent.failAt(fault);
    const pass = agent.publisher.pass({ signal: never, ...(ended === undefined ? {} : { ended }) });
    const report = await this.clock.runUntil(pass, { limitMs: 3_600_000 });
    agent.failAt(null);
    if (report.published !== null) this.acknowledged.push(report.durable?.manifest ?? '');
    await this.check();
  }

  async pointer() {
    return this.worlds[0]!.pointer();
  }

  /** What must hold after every step. */
  async check(): Promise<void> {
    const pointer = await this.pointer();
    if (pointer === null) return;
    expect(compareOrder(pointer, this.#highest)).toBeGreaterThanOrEqual(0);
    this.#highest = { generation: pointer.generation, seq: pointer.seq };
    const chain = new Set<string>();
    for (let key: string | null = pointer.manifest; key !== null; key = (await this.manifestAt(key)).previous)
      chain.add(key);
    for (const key of this.acknowledged) expect(chain).toContain(key);
  }

  manifestAt = async (key: string): Promise<Manifest> =>
    decodeDocument(manifestSchema, await readBytes(this.memory, key), key);

  /** Restores into a machine's folder and holds it against the saves that were finished. */
  async restore(machine: World): Promise<void> {
    const restored = await this.clock.runUntil(machine.restore(), { limitMs: 3_600_000 });
    const pointer = await this.pointer();
    expect(restored?.manifestKey ?? null).toBe(pointer?.manifest ?? null);
    if (restored === null) return;
    expect(restored.warnings.filter((warning) => !warning.startsWith('moved to'))).toEqual([]);
    const files = await Promise.all(
      restored.manifest.files.map(async ({ path }) => ({
        path,
        content: await readFile(join(machine.folder, path), 'utf8'),
      })),
    );
    expect(this.finished).toContain(JSON.stringify(files));
  }

  async perform(command: Command): Promise<void> {
    const { agent } = this;
    switch (command.kind) {
      case 'save':
        return this.save(agent);
      case 'slow-save':
        return this.slowSave(agent, async () => {
          await this.clock.advance(command.pauseMs);
          await this.pass(agent, command.fault);
          if (agent.dead) await this.restartAgent();
        });
      case 'pass':
        await this.clock.advance(command.afterMs);
        await this.pass(agent, command.fault);
        break;
      case 'killed-saving':
        await this.tornSave(agent);
        await this.pass(agent, command.fault, { clean: false, atMs: this.clock.wallMs() });
        await this.restartAgent();
        if ((await this.pointer()) === null) await emptyFolder(agent.world.folder);
        else await this.restore(agent.world);
        break;
      case 'takeover':
        this.replaced = agent;
        this.agent = await this.newMachine(agent.generation + 1);
        await this.restore(this.agent.world);
        await this.pass(this.agent, command.fault);
        break;
      case 'zombie':
        if (this.replaced === null || this.replaced.dead) return;
        await this.save(this.replaced);
        await this.pass(this.replaced, null);
        await this.clock.advance(SETTLE_MS);
        await this.pass(this.replaced, command.fault);
        return;
    }
    if (this.agent.dead) await this.restartAgent();
  }

  /** The supervisor starts a dead agent again: same machine, same generation, no memory. */
  async restartAgent(): Promise<void> {
    this.agent = new Agent(this.agent.world, this.agent.generation, this.writers());
    return Promise.resolve();
  }
}

async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
}

const faults: fc.Arbitrary<FaultPlan | null> = fc.option(
  fc.record({
    fault: fc.constantFrom<Fault>('refused', 'answer-lost', 'crash'),
    call: fc.integer({ min: 1, max: 12 }),
  }),
  { freq: 2 },
);
const pauses = fc.constantFrom(10, SETTLE_MS / 2, SETTLE_MS, 3 * SETTLE_MS);
const commands = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('save' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('slow-save' as const), pauseMs: pauses, fault: faults }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass' as const), afterMs: pauses, fault: faults }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('killed-saving' as const), fault: faults }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeover' as const), fault: faults }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('zombie' as const), fault: faults }) },
  ),
  { minLength: 4, maxLength: 14 },
);

test.each(['in-place', 'stepped'] as const)(
  'whatever fails and whenever: restores exactly a finished save, never goes back, loses nothing acknowledged (%s)',
  async (layout) => {
    await fc.assert(
      fc.asyncProperty(commands, async (script) => {
        const run = new Run(layout);
        run.agent = await run.newMachine(1);
        try {
          for (const command of script) await run.perform(command);
          await run.pass(run.agent, null);
          await run.clock.advance(SETTLE_MS);
          await run.pass(run.agent, null);
          await run.restore((await run.newMachine(99)).world);
        } finally {
          for (const world of run.worlds) await world[Symbol.asyncDispose]();
        }
      }),
      { numRuns: 20 },
    );
  },
);
