import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { formatDuration, type Clock } from '@runctl/core';
import { isEventualConsistency } from '../api/classify.ts';
import type { AwsClients } from '../api/clients.ts';
import { resolveImage } from '../target/images.ts';
import type { AccountChange } from '../../port/index.ts';
import { changed } from './resource.ts';

const PAUSE_MS = 1000;
/** AWS names no time. */
const USUAL_MS = 10_000;
const PATIENCE_MS = 60_000;
const PROBED_TYPE = 't3.micro';

/** Waits until EC2 knows a profile that was just made, by dry runs of a launch with it. Makes nothing. */
export async function waitUntilUsable(clients: AwsClients, clock: Clock, profile: string): Promise<AccountChange> {
  const shared = { kind: 'instance profile', name: profile };
  const beganMs = clock.monotonicMs();
  const waitedMs = (): number => clock.monotonicMs() - beganMs;
  const imageId = await probedImage(clients);
  if (imageId === null) {
    await clock.sleep(USUAL_MS);
    return changed(shared, 'waited', `EC2 usually knows it after ${formatDuration(USUAL_MS)}; it could not be tried`);
  }
  while (await isUnknown(clients, imageId, profile)) {
    if (waitedMs() >= PATIENCE_MS)
      return changed(
        shared,
        'waited',
        `EC2 does not know it after ${formatDuration(waitedMs())}: wait before you launch`,
      );
    await clock.sleep(PAUSE_MS);
  }
  return changed(shared, 'waited', `EC2 knows it after ${formatDuration(waitedMs())}`);
}

/** Null where there is no image to try with, or no right to look for it. */
async function probedImage(clients: AwsClients): Promise<string | null> {
  const found = resolveImage({ ec2: clients.reading, ssm: clients.ssm }, null, [PROBED_TYPE]);
  return found.then(
    ({ imageId }) => imageId,
    () => null,
  );
}

/** Whatever else EC2 has against the dry run, it knows the profile. */
async function isUnknown({ launching }: AwsClients, imageId: string, profile: string): Promise<boolean> {
  try {
    await launching.send(
      new RunInstancesCommand({
        DryRun: true,
        MinCount: 1,
        MaxCount: 1,
        ImageId: imageId,
        InstanceType: PROBED_TYPE,
        IamInstanceProfile: { Name: profile },
      }),
    );
    return false;
  } catch (error) {
    return isEventualConsistency(error);
  }
}
