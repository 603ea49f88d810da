import type { Tag } from '@aws-sdk/client-ec2';
import type { LaunchRequest } from '../../fleet-provider.ts';

/** Keys that EC2 lets into IMDS too: no slash, no space (EC2 user guide, "Tag your resources"). */
export const TAG = {
  managed: 'runctl:managed',
  run: 'runctl:run',
  launch: 'runctl:launch',
  user: 'runctl:user',
} as const;
export const FLEET_TAG = 'aws:ec2:fleet-id';

export function tagsOf(request: LaunchRequest): Tag[] {
  const tags: Record<string, string> = {
    Name: `runctl ${request.runName ?? request.run}`,
    Project: request.project,
    CreatedBy: 'runctl',
    [TAG.managed]: 'true',
    [TAG.run]: request.run,
    [TAG.launch]: String(request.launch),
    [TAG.user]: request.user,
  };
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value: Value.slice(0, 256) }));
}

export function tagValue(tags: readonly Tag[] | undefined, key: string): string | null {
  return tags?.find((tag) => tag.Key === key)?.Value ?? null;
}
