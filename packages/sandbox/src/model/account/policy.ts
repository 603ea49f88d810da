import type { Principal } from './principal.ts';

/** The object of an action, as far as the policies look at it. */
export interface PolicyResource {
  readonly id: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Actions of the instance role that need no resource (`Price` in the role's policy). */
const free = new Set(['ec2:DescribeSpotPriceHistory', 'ec2:DescribeFleets', 'sts:GetCallerIdentity']);

/**
 * Whether `principal` may do `action`. The account's user may do everything. The instance role has the policy that
 * docs/aws-account.md asks for: delete fleets that carry `runctl:managed=true`, terminate itself, read prices and fleets.
 * `granted` holds what was granted to it beyond that. With `resource` left out: whether it could be allowed at all.
 */
export function isAllowed(
  principal: Principal,
  action: string,
  options: { readonly granted: ReadonlySet<string>; readonly resource?: PolicyResource },
): boolean {
  if (principal.kind === 'user' || free.has(action) || options.granted.has(action)) return true;
  const { resource } = options;
  if (action === 'ec2:DeleteFleets') return resource === undefined || resource.tags.get('runctl:managed') === 'true';
  if (action === 'ec2:TerminateInstances') return resource === undefined || resource.id === principal.instanceId;
  return false;
}
