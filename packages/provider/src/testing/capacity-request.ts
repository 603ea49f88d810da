import type { CapacityRequest, Provider, TargetWish } from '../port/index.ts';

export interface RequestedWith {
  readonly provider: Provider;
  readonly wish: TargetWish;
  nowMs(): number;
}

/** A request for one machine of a run's launch, as the operations make it, for tests of providers. */
export async function capacityRequest(
  world: RequestedWith,
  run: string,
  changes: Partial<CapacityRequest> = {},
): Promise<CapacityRequest> {
  const { provider, wish } = world;
  const offers = await provider.offers(wish);
  const launch = changes.launch ?? 1;
  const written = { specSha256: 'c'.repeat(64), intentSha256: null };
  return {
    token: `runctl-${run}-${launch}`,
    run,
    launch,
    runName: null,
    project: 'demo',
    user: 'me@laptop',
    target: await provider.target(wish, offers),
    boot: {
      config: { version: 2, run, launch, bucket: 'bucket', prefix: '', region: 'us-east-1', written },
      tools: { agentKey: 'a', agentSha256: 'a'.repeat(64), nodeKey: 'n', nodeSha256: 'b'.repeat(64) },
      bootGuardMs: 60_000,
      refusedMs: 300_000,
      standstillMs: 900_000,
    },
    offers,
    market: wish.market,
    nodes: 1,
    validUntilMs: world.nowMs() + 3_600_000,
    ...changes,
  };
}
