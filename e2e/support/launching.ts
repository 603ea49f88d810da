import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { AttemptStatus } from '@runctl/protocol';
import { eventually } from './eventually.ts';
import { repository, type Finished } from './runctl.ts';
import type { World } from './world.ts';

export type Workload = 'counter' | 'timed' | 'ignores-sigterm' | 'crashes' | 'heavy' | 'grandchild' | 'saver' | 'grows';

/** A project of its own on the laptop with the workload as its script; returns the script's path. */
export async function projectWith(world: World, workload: Workload): Promise<string> {
  const folder = join(world.folder, 'project');
  await mkdir(folder, { recursive: true });
  const script = join(folder, `${workload}.py`);
  await copyFile(join(repository, 'e2e/support/workloads', `${workload}.py`), script);
  return script;
}

/** The objects that a command printed with `--json`. */
export function jsonLines(finished: Finished): Array<Record<string, unknown>> {
  return finished.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Launches and lets go; the run goes on without the laptop. Returns the run's id. */
export async function launchDetached(
  world: World,
  workload: Workload,
  options: { flags?: readonly string[]; args?: readonly string[]; env?: Record<string, string> } = {},
): Promise<string> {
  const script = await projectWith(world, workload);
  const { flags = [], args = [], env = {} } = options;
  const asked = ['launch', script, '--yes', '--detach', '--json', ...flags, '--', ...args];
  const finished = await world.runctl(asked, { env });
  expect(finished, finished.stderr).toMatchObject({ exitCode: 0 });
  const run = jsonLines(finished)
    .map((line) => line['run'])
    .find((id) => typeof id === 'string');
  expect(run, finished.stdout).toMatch(/^r-/);
  return String(run);
}

/** Waits until the life `generation` of a run reached `step`. */
export function reachesStep(world: World, run: string, generation: number, step: number): Promise<AttemptStatus> {
  return eventually(`generation ${generation} of ${run} is at step ${step}`, async () => {
    const status = await world.bucket.status(run, generation);
    if (status?.phase === 'ended') throw new Error(`it ended at step ${status.step}: this machine is too slow for it`);
    return status !== null && status.phase === 'running' && (status.step ?? -1) >= step && status;
  });
}

/** Waits until a checkpoint of at least `step` is durable. */
export function durableStep(world: World, run: string, step: number): Promise<number> {
  return eventually(`step ${step} of ${run} is durable`, async () => {
    const latest = await world.bucket.latest(run);
    return latest !== null && (latest.step ?? -1) >= step && (latest.step ?? 0);
  });
}
