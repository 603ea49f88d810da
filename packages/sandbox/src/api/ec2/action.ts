import type { Principal } from '../../model/account/principal.ts';
import { AwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { isAllowed } from '../../model/account/policy.ts';
import type { PolicyResource } from '../../model/account/policy.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import type { Parameters } from '../../wire/query-parameters.ts';
import { checkTags, tagsByKey } from '../../model/ec2/tags.ts';
import type { Tags } from '../../model/ec2/tags.ts';
import type { Idempotency } from './idempotency.ts';

export type Answer = Readonly<Record<string, XmlValue>>;

export interface Ec2Call {
  readonly action: string;
  readonly parameters: Parameters;
  readonly compute: Compute;
  readonly principal: Principal;
  readonly idempotency: Idempotency;
}

/** Answers one call. Throws AwsError. A change checks everything, then calls `proceed`, then changes. */
export type Action = (call: Ec2Call) => Answer | Promise<Answer>;

/** The point behind which a call has effects: a dry run ends here, as a permitted one does on EC2. */
export function proceed(call: Ec2Call): void {
  if (call.parameters.flag('DryRun') === true)
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
}

/** Throws UnauthorizedOperation unless the caller may do the call's action (to `resource`). */
export function authorize(call: Ec2Call, resource?: PolicyResource): void {
  const granted = call.compute.settings.roleActions;
  const action = `ec2:${call.action}`;
  if (isAllowed(call.principal, action, { granted, ...(resource === undefined ? {} : { resource }) })) return;
  throw new AwsError(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: ${call.principal.arn} is not authorized to perform: ${action}` +
      `${resource === undefined ? '' : ` on resource: ${resource.id}`} because no identity-based policy allows the ${action} action.`,
  );
}

/** Tags of `TagSpecification.N`, by resource type. Throws for types outside `allowed`. */
export function tagSpecifications(parameters: Parameters, allowed: readonly string[]): Map<string, Tags> {
  const byType = new Map<string, Tags>();
  for (const specification of parameters.structures('TagSpecification')) {
    const type = specification.required('ResourceType');
    if (!allowed.includes(type)) {
      throw new AwsError(
        'InvalidParameterValue',
        `'${type}' is not a valid taggable resource type for this operation. Use ${allowed.join(', ')}.`,
      );
    }
    const tags = tagsByKey([...(byType.get(type) ?? []), ...tagPairs(specification)]);
    checkTags(tags);
    byType.set(type, tags);
  }
  return byType;
}

/** The members of `Tag.N`. */
export function tagPairs(parameters: Parameters): Array<readonly [key: string, value: string]> {
  return parameters.structures('Tag').map((tag) => [tag.required('Key'), tag.text('Value') ?? '']);
}

export function tagSet(tags: ReadonlyMap<string, string>): XmlValue {
  return [...tags].map(([key, value]) => ({ key, value }));
}

/** True once something made at `createdAtMs` is known to Describe calls. */
export function isVisible(compute: Compute, createdAtMs: number): boolean {
  const delayMs = compute.settings.delays.eventualConsistencyMs;
  return delayMs === 0 || compute.clock.nowMs() - createdAtMs >= delayMs;
}
