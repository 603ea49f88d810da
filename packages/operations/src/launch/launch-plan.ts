import { RunctlError } from '@runctl/core';
import type { FleetProvider, Pool } from '@runctl/provider';
import type { Market, RunSpec } from '@runctl/protocol';
import type { Project, Snapshot } from '@runctl/workspace';
import { extname } from 'node:path/posix';

/** What a person wants to run, after configuration and flags were merged. */
export interface LaunchWish {
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly name: string | null;
  readonly instanceTypes: readonly string[];
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly ami: string | null;
  readonly instanceProfile: string;
  readonly rootVolumeGiB: number | null;
  readonly market: Market;
  /** Null = stay on spot. */
  readonly onDemandAfterMs: number | null;
  readonly maxRuntimeMs: number;
  readonly checkpoint: RunSpec['checkpoint'];
  readonly policy: RunSpec['policy'];
  readonly timeScale: number;
}

/** All that is shown before money is spent. */
export interface LaunchPlan {
  readonly project: Project;
  readonly snapshot: Snapshot;
  readonly wish: LaunchWish;
  readonly interpreter: readonly string[];
  readonly region: string;
  readonly imageId: string;
  /** Cheapest first, never empty. */
  readonly pools: readonly Pool[];
  readonly detach: boolean;
}

/** One accelerator each, in the families that spot has most of. */
export const DEFAULT_INSTANCE_TYPES: readonly string[] = ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'];

/** Where the wish can run, with prices. Errors: `instance-type-unknown`, `pool-invalid`, and those of the provider. */
export async function findPools(
  fleets: FleetProvider,
  wish: Pick<LaunchWish, 'instanceTypes' | 'market' | 'subnets' | 'ami'>,
): Promise<{ pools: readonly Pool[]; imageId: string }> {
  const types = wish.instanceTypes.length > 0 ? wish.instanceTypes : DEFAULT_INSTANCE_TYPES;
  const arm = types.find((type) => /^(a1|[a-z]+\d+g[a-z]*)\./.test(type));
  if (arm !== undefined)
    throw new RunctlError('pool-invalid', `${arm} is an ARM machine, and the agent's runtime is for x86-64`, {
      hint: 'name an x86-64 type, such as g5.xlarge or m7i.large',
    });
  const asking = fleets.offers(types, { market: wish.market, subnetIds: wish.subnets });
  const looking = fleets.resolveImage(wish.ami, types);
  await Promise.allSettled([asking, looking]);
  // A wrong type fails both, and the offers know the nearest.
  const pools = await asking;
  const imageId = await looking;
  if (pools.length === 0)
    throw new RunctlError('pool-invalid', `no zone of ${fleets.region} that can be used offers ${types.join(', ')}`, {
      hint: 'name other types with --instance-type, or another region',
    });
  return { pools, imageId };
}

/** Command that runs a script, by its ending; empty when it is itself executable. */
export function interpreterOf(script: string): readonly string[] {
  switch (extname(script)) {
    case '.py':
      return ['python3'];
    case '.sh':
      return ['sh'];
    case '.js':
    case '.mjs':
      return ['node'];
    default:
      return [];
  }
}
