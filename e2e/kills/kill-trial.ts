import { execa } from 'execa';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifestKey, runKeys } from '@runctl/protocol';
import { after, cutOff, giveNotice, livingInstances } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { launchDetached } from '../support/launching.ts';
import type { World } from '../support/world.ts';
import { announcements, ofKind } from './announcements.ts';
import { judgeKill, type KillFacts, type KillVerdict, type StoredCheckpoint } from './kill-verdict.ts';
import type { KillPlan } from './kill-plan.ts';

/** What the tables show of one trial. */
export interface KillResult extends KillVerdict {
  readonly plan: KillPlan;
  readonly run: string;
  readonly saves: number;
  readonly acknowledged: number;
  readonly lives: number;
  readonly resumedAtStep: readonly number[];
  readonly tookMs: number;
}

const SECONDS_A_STEP = 0.04;
/** Six machines that start beside 20 busy processes on two cores took 97 to 156 s; beside 8, 15 to 47 s. */
const DURABLE_WITHIN_MS = 300_000;

/** Uploads take as long as they do over a network; every trial of a world shares this rule. */
export const slowUploads = {
  match: { keyPattern: '*/data/*', operations: ['PutObject', 'UploadPart'] },
  effect: { kind: 'bandwidth', bytesPerSecond: 4 << 20 },
};

/** Launches a run, breaks it once in the middle of its uploads, waits for its end, and judges what is left. */
export async function killTrial(world: World, plan: KillPlan, cut?: AbortSignal): Promise<KillResult> {
  const folder = join(world.folder, `kill-${plan.seed}`);
  await mkdir(folder);
  await using disk = plan.kind === 'full-disk' ? await smallDisk(folder, plan) : null;
  const { promise: wasCut, reject } = Promise.withResolvers<never>();
  wasCut.catch(() => {}); // The race may be over by then.
  cut?.addEventListener('abort', () => reject(cut.reason), { once: true });
  // The loser of the race waits on for a while, for a world that is gone.
  return await Promise.race([trial(world, plan, { folder, disk: disk?.path ?? null }), wasCut]);
}

async function trial(
  world: World,
  plan: KillPlan,
  { folder, disk }: { readonly folder: string; readonly disk: string | null },
): Promise<KillResult> {
  const began = performance.now();
  const told = join(folder, 'announcements.ndjson');
  const run = await launchDetached(world, 'saver', {
    flags: disk === null ? [] : ['--checkpoint-dir', join(disk, 'checkpoints')],
    args: [SECONDS_A_STEP, plan.sizeMiB, plan.every, plan.lastSaveMs / 1000, plan.saving, told].map(String),
  });
  const watch = watchLatest(world, run);
  const strike = async (): Promise<KillFacts['durableAtKill']> => {
    await eventually(`${run} has a durable checkpoint`, () => world.bucket.latest(run), DURABLE_WITHIN_MS);
    await after(plan.momentMs);
    const durable = await world.bucket.latest(run);
    if (durable === null) throw new Error(`${run} had a durable checkpoint and has none`);
    const scene = { world, run, plan, told, disk: disk ?? '' };
    await STRIKES[plan.kind](scene);
    if (SUCCEEDED.includes(plan.kind)) await goesOn(scene);
    await after(plan.endsAfterMs);
    await writeFile(`${told}.end`, '');
    return durable;
  };
  try {
    const durableAtKill = await strike();
    const outcome = await eventually(`${run} has its outcome`, () => world.bucket.outcome(run), 120_000, 250);
    await checkAfter(world, run);
    const acknowledged = await watch.stop();
    const facts = await factsOf(world, run, { plan, told, acknowledged, durableAtKill, outcome });
    const { announced } = facts;
    return {
      plan,
      run,
      ...judgeKill(facts),
      saves: ofKind(announced, 'saved').length,
      acknowledged: acknowledged.length,
      lives: facts.resumedFrom.length + 1,
      resumedAtStep: ofKind(announced, 'resumed').map(({ step }) => step),
      tookMs: Math.round(performance.now() - began),
    };
  } finally {
    // Also where something failed: a training without an end would slow down all trials after it.
    await writeFile(`${told}.end`, '');
    await watch.stop();
  }
}

/** Where another life has to go on. */
const SUCCEEDED: readonly KillPlan['kind'][] = [
  'agent-in-drain',
  'reclaim',
  'reclaim-no-notice',
  'lost-host',
  'full-disk',
];

async function goesOn({ run, told }: Scene): Promise<void> {
  await eventually(`${run} goes on`, async () => ofKind(await announcements(told), 'resumed').length > 0);
}

interface Scene {
  readonly world: World;
  readonly run: string;
  readonly plan: KillPlan;
  readonly told: string;
  readonly disk: string;
}

const STRIKES: Readonly<Record<KillPlan['kind'], (scene: Scene) => Promise<void>>> = {
  agent: async ({ world, run }) => killAgent(world, await machineOf(world, run)),
  'agent-in-drain': async ({ world, run, plan }) => {
    const machine = await machineOf(world, run);
    await giveNotice(world, machine);
    await after(plan.lastsMs);
    await killAgent(world, machine);
  },
  reclaim: async ({ world, run }) => giveNotice(world, await machineOf(world, run)),
  'reclaim-no-notice': async ({ world, run }) => {
    await world.sandbox.send('interrupt', { target: { instanceId: await machineOf(world, run) }, notice: false });
  },
  'lost-host': async ({ world, run }) => {
    await world.sandbox.send('lose-disk', { target: { instanceId: await machineOf(world, run) } });
  },
  'full-disk': async ({ disk, told }) => {
    const filler = join(disk, 'filler');
    await fill(filler);
    await eventually('a save fails', async () => ofKind(await announcements(told), 'failed').length > 0);
    await rm(filler);
  },
  'cut-network': async ({ world, run, plan }) => {
    const machine = await machineOf(world, run);
    await cutOff(world, machine);
    await after(plan.lastsMs);
    await cutOff(world, machine, false);
  },
};

async function machineOf(world: World, run: string): Promise<string> {
  const [machine] = await livingInstances(world, run);
  if (machine === undefined) throw new Error(`${run} has no machine any more: the moment came too late`);
  return machine;
}

/** From outside, as the kernel's memory killer would: nobody inside hears of it. */
async function killAgent(world: World, machine: string): Promise<void> {
  const { instances } = await world.sandbox.send('status', {});
  const folder = instances.find(({ instanceId }) => instanceId === machine)?.folder ?? '';
  const endpoint = await readFile(join(folder, 'root/run/runctl/agent.json'), 'utf8').catch(() => null);
  // An agent that is gone by itself has nothing left that could be killed.
  if (endpoint !== null) process.kill((JSON.parse(endpoint) as { pid: number }).pid, 'SIGKILL');
}

async function smallDisk(folder: string, { sizeMiB }: KillPlan): Promise<AsyncDisposable & { readonly path: string }> {
  const path = join(folder, 'disk');
  await mkdir(path);
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB * 8 + 2}m`, 'tmpfs', path]);
  return { path, [Symbol.asyncDispose]: async () => void (await execa('umount', ['--lazy', path])) };
}

async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(1 << 16);
  try {
    for (;;) await file.write(piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

/** Every manifest that `latest.json` was seen to name. */
function watchLatest(world: World, run: string): { stop(): Promise<readonly string[]> } {
  const seen = new Set<string>();
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const latest = await world.bucket.latest(run).catch(() => null);
      if (latest !== null) seen.add(latest.manifest);
      await after(250);
    }
  })();
  return {
    stop: async () => {
      over.abort();
      await watching;
      return [...seen];
    },
  };
}

interface Remains extends Pick<KillFacts, 'plan' | 'acknowledged' | 'durableAtKill'> {
  readonly told: string;
  readonly outcome: { readonly status: string; readonly message: string; readonly generation: number | null };
}

async function factsOf(world: World, run: string, { told, outcome, ...known }: Remains): Promise<KillFacts> {
  const later = Array.from({ length: (outcome.generation ?? 1) - 1 }, (_, index) => index + 2);
  const starts = await Promise.all(later.map((generation) => world.bucket.started(run, generation)));
  const named = new Map<number, readonly string[] | null>();
  for (const generation of [1, ...later])
    named.set(generation, (await world.bucket.drained(run, generation))?.drain.notDurable ?? null);
  return {
    ...known,
    announced: await announcements(told),
    resumedFrom: starts.flatMap((started) => parseManifestKey(started?.resumedFrom?.manifest ?? '') ?? []),
    stored: await storedOf(world, run),
    latest: (await world.bucket.latest(run))?.manifest ?? null,
    named,
    failure: outcome.status === 'succeeded' ? null : `${outcome.status}: ${outcome.message}`,
  };
}

async function storedOf(world: World, run: string): Promise<readonly StoredCheckpoint[]> {
  const stored: StoredCheckpoint[] = [];
  for (const key of await world.bucket.keys(runKeys(run).manifestsFolder)) {
    const manifest = await world.bucket.manifest(key);
    if (manifest === null) continue;
    const contents = Object.fromEntries(manifest.files.map((file) => [file.path, file.sha256]));
    stored.push({ key, generation: manifest.generation, seq: manifest.seq, contents });
  }
  return stored;
}
