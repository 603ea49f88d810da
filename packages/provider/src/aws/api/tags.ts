import type { Tag } from '@aws-sdk/client-ec2';

/** Keys that EC2 lets into IMDS too: no slash, no space (EC2 user guide, "Tag your resources"). */
export const TAG = {
  managed: 'runctl:managed',
  run: 'runctl:run',
  launch: 'runctl:launch',
  user: 'runctl:user',
} as const;

/** Whose something in EC2 is. */
export interface TaggedLaunch {
  readonly run: string;
  readonly launch: number;
  readonly runName: string | null;
  readonly project: string;
  readonly user: string;
}

export function tagsOf(request: TaggedLaunch): Tag[] {
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

/** Name of a launch's template. It is made of run and launch, so that it can be deleted when nothing else is known. */
export function templateNameOf({ run, launch }: Pick<TaggedLaunch, 'run' | 'launch'>): string {
  return `runctl-${run}-${launch}`;
}

export function tagValue(tags: readonly Tag[] | undefined, key: string): string | null {
  return tags?.find((tag) => tag.Key === key)?.Value ?? null;
}
