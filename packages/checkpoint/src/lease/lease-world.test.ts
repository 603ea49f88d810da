import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LeasePolicy, leasePolicy } from './lease-machine.ts';
import { LeaseWorld, type WorldPlan } from './testing/lease-world.ts';

const MINUTE_MS = 60_000;
/** The real one, but for a longer pause between tries, which only makes the worlds quicker to compute. */
const policy: LeasePolicy = { ...leasePolicy, retryMs: 6000 };
/** For a soak: WORLDS=50000. */
const worldCount = Number(process.env['WORLDS'] ?? 200);
const timeout = 30_000 + worldCount * 50;

const delay = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 400 }) },
  { weight: 2, arbitrary: fc.integer({ min: 400, max: 12_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 12_000, max: 90_000 }) },
);

const fate = fc.record({
  beforeMs: delay,
  afterMs: delay,
  loss: fc.oneof(
    { weight: 4, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom('request' as const, 'answer' as const) },
  ),
});

const agent = fc.record({
  startMs: fc.integer({ min: 0, max: 2 * MINUTE_MS }),
  clockRate: fc.double({ min: 0.99, max: 1.01, noNaN: true }),
  restarts: fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 2 * MINUTE_MS }),
      downMs: fc.integer({ min: 0, max: 2 * MINUTE_MS }),
    }),
    { maxLength: 2 },
  ),
  releaseAfterMs: fc.option(fc.integer({ min: 0, max: 3 * MINUTE_MS }), { nil: null }),
});

const harm = fc.option(
  fc.record({
    atMs: fc.integer({ min: 0, max: 5 * MINUTE_MS }),
    how: fc.constantFrom('delete' as const, 'damage' as const, 'put-back' as const),
  }),
);
const noHarm = fc.constant(null);

function worlds(policy: LeasePolicy, harm: fc.Arbitrary<WorldPlan['harm']>): fc.Arbitrary<WorldPlan> {
  return fc.record({
    policy: fc.constant(policy),
    agents: fc.array(agent, { minLength: 2, maxLength: 4 }),
    fates: fc.array(fate, { minLength: 1, maxLength: 40 }),
    harm,
    calmFromMs: fc.constant(5 * MINUTE_MS),
    endMs: fc.constant(8 * MINUTE_MS),
  });
}

function lastStartMs({ startMs, restarts }: WorldPlan['agents'][number]): number {
  return restarts.reduce((sum, { afterMs, downMs }) => sum + afterMs + downMs, startMs);
}

async function violationsOf(plan: WorldPlan): Promise<readonly string[]> {
  const world = new LeaseWorld(plan);
  await world.run();
  return world.violations;
}

describe('the lease, in worlds with slow, lost and late requests', { timeout }, () => {
  test('never lets two machines publish at once, never lets the generation fall, and keeps a restarted holder', async () => {
    let generations = 0;
    let fenced = 0;
    await fc.assert(
      fc.asyncProperty(worlds(policy, harm), async (plan) => {
        const world = new LeaseWorld(plan);
        await world.run();
        expect(world.violations).toEqual([]);
        generations += world.document?.generation ?? 0;
        fenced += world.agents.filter((agent) => agent.fenced).length;
      }),
      { numRuns: worldCount },
    );
    // The worlds must be wild enough for the lease to change hands against its holder's will.
    expect(generations).toBeGreaterThan(worldCount * 1.3);
    expect(fenced).toBeGreaterThan(worldCount / 20);
  });

  test('has a holder once the bucket answers, unless every machine gave up or was fenced', async () => {
    const patient = worlds(policy, noHarm).map((plan) => ({
      ...plan,
      agents: plan.agents.map((agent) => ({ ...agent, releaseAfterMs: null })),
      endMs: Math.max(plan.endMs, ...plan.agents.map(lastStartMs)) + 3 * MINUTE_MS,
    }));
    await fc.assert(
      fc.asyncProperty(patient, async (plan) => {
        const world = new LeaseWorld(plan);
        await world.run();
        const candidates = world.agents.filter((agent) => !agent.fenced);
        expect(world.agents.filter((agent) => agent.mayPublish() !== null)).toHaveLength(
          Math.min(1, candidates.length),
        );
      }),
      { numRuns: worldCount / 5 },
    );
  });

  test('would let two publish if a holder trusted its lease for longer than it lasts', async () => {
    const careless = { ...policy, publishWithinMs: 300_000 };
    const found = await fc.check(
      fc.asyncProperty(worlds(careless, noHarm), async (plan) => {
        expect(await violationsOf(plan)).toEqual([]);
      }),
      { numRuns: 1500, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
