import { DescribeFleetsCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import {
  compareOrder,
  latestPointer,
  leaseDocument,
  parseAttemptKey,
  runKeys,
  type CheckpointOrder,
  type Manifest,
} from '@runctl/protocol';
import { eventually } from './eventually.ts';
import type { World } from './world.ts';

/** What must hold after every scenario, however it went: nothing costs money, and everything that was saved is whole. */
export async function checkAfter(world: World, run: string): Promise<void> {
  await nothingRemains(world, run);
  await savedIsWhole(world, run);
  await orderNeverWentBack(world, run);
  await logIsGapless(world, run);
}

async function nothingRemains(world: World, run: string): Promise<void> {
  const ids = await eventually('every instance of the run is terminated', async () => {
    const { Reservations = [] } = await world.ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:runctl:run', Values: [run] }] }),
    );
    const instances = Reservations.flatMap((reservation) => reservation.Instances ?? []);
    return (
      instances.every((instance) => instance.State?.Name === 'terminated') &&
      instances.map((instance) => instance.InstanceId ?? '')
    );
  });
  const { Fleets = [] } = await world.ec2.send(new DescribeFleetsCommand({}));
  const alive = Fleets.filter(
    (fleet) => fleet.Tags?.some((tag) => tag.Value === run) && !fleet.FleetState?.startsWith('deleted'),
  );
  expect(alive.map((fleet) => `${fleet.FleetId} is ${fleet.FleetState}`)).toEqual([]);
  expect(await eventually('no process of the run is left', async () => processesOf(ids).length === 0 || null)).toBe(
    true,
  );
}

/** Processes of the host that carry one of the instances in their environment. Linux only; elsewhere the list is empty. */
function processesOf(instanceIds: readonly string[]): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        return instanceIds.some((id) => environment.includes(`SANDBOX_INSTANCE=${id}`));
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}

/** Every manifest that is there, not only the latest: each is a checkpoint that somebody may have to fall back to. */
async function savedIsWhole(world: World, run: string): Promise<void> {
  const latest = await world.bucket.latest(run);
  const keys = await world.bucket.keys(runKeys(run).manifestsFolder);
  if (latest !== null) expect(keys, 'latest names a manifest').toContain(latest.manifest);
  for (const key of keys) {
    const manifest = await world.bucket.manifest(key);
    for (const file of manifest?.files ?? []) {
      const bytes = await world.bucket.bytes(file.key);
      expect(bytes?.length, file.key).toBe(file.sizeBytes);
      expect(sha256Of(bytes ?? new Uint8Array(), file.partSizeBytes), file.key).toBe(file.sha256);
    }
  }
}

/** By FORMAT.md, and not by the code that wrote it. */
function sha256Of(bytes: Uint8Array, partSizeBytes: number): string {
  const digests = [];
  for (let start = 0; start === 0 || start < bytes.length; start += partSizeBytes)
    digests.push(
      createHash('sha256')
        .update(bytes.subarray(start, start + partSizeBytes))
        .digest(),
    );
  const [only] = digests;
  const digest = digests.length === 1 ? only : createHash('sha256').update(Buffer.concat(digests)).digest();
  return digest?.toString('hex') ?? '';
}

async function orderNeverWentBack(world: World, run: string): Promise<void> {
  const pointers = await world.bucket.history(latestPointer, runKeys(run).latest);
  for (const [index, pointer] of pointers.entries())
    if (index > 0) expect(compareOrder(pointer, pointers[index - 1]!), pointer.manifest).toBeGreaterThanOrEqual(0);
  const leases = await world.bucket.history(leaseDocument, runKeys(run).lease);
  const generations = leases.map(({ generation }) => generation);
  expect(generations, 'generations of the lease').toEqual(generations.toSorted((a, b) => a - b));
  const latest = await world.bucket.latest(run);
  let at: (CheckpointOrder & Partial<Manifest>) | null = latest;
  let key: string | null = latest?.manifest ?? null;
  while (key !== null) {
    const manifest: Manifest | null = await world.bucket.manifest(key);
    if (manifest === null) break; // pruned
    if (manifest !== at && at !== null && key !== latest?.manifest) expect(compareOrder(manifest, at)).toBeLessThan(0);
    at = manifest;
    key = manifest.previous;
  }
}

async function logIsGapless(world: World, run: string): Promise<void> {
  const keys = await world.bucket.keys(runKeys(run).attemptsFolder);
  const generations = new Set(keys.map((key) => parseAttemptKey(key)?.generation ?? 0));
  for (const generation of generations) {
    const log = await world.bucket.log(run, generation);
    const outcome = await world.bucket.attemptOutcome(run, generation);
    // What was sent when the deadline came may have arrived without an answer; `bucket.log` rejects gaps and overlaps.
    if (outcome !== null)
      expect(log.length, `log of generation ${generation}`).toBeGreaterThanOrEqual(outcome.logBytes);
  }
}
