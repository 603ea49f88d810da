import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { formatDuration, type Clock } from '@runctl/core';
import { awsCodeOf, isEventualConsistency } from '../api/classify.ts';
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
  const waited = (note: string): AccountChange => changed({ kind: 'instance profile', name: profile }, 'waited', note);
  const beganMs = clock.monotonicMs();
  const waitedMs = (): number => clock.monotonicMs() - beganMs;
  const imageId = await probedImage(clients);
  for (;;) {
    const tried = imageId === null ? 'untold' : await tryProfile(clients, imageId, profile);
    if (tried === 'known') return waited(`EC2 knows it after ${formatDuration(waitedMs())}`);
    if (tried === 'untold') {
      await clock.sleep(Math.max(0, USUAL_MS - waitedMs()));
      return waited(`EC2 usually knows it after ${formatDuration(USUAL_MS)}; it could not be tried`);
    }
    if (waitedMs() >= PATIENCE_MS)
      return waited(`EC2 does not know it after ${formatDuration(waitedMs())}: wait before you launch`);
    await clock.sleep(PAUSE_MS);
  }
}

/** Null where there is no image to try with, or no right to look for it. */
async function probedImage(clients: AwsClients): Promise<string | null> {
  const found = resolveImage({ ec2: clients.reading, ssm: clients.ssm }, null, [PROBED_TYPE]);
  return found.then(
    ({ imageId }) => imageId,
    () => null,
  );
}

/** Only a dry run that would have worked shows that EC2 knows the profile: it may refuse one for something else first. */
async function tryProfile(
  { launching }: AwsClients,
  imageId: string,
  profile: string,
): Promise<'known' | 'unknown' | 'untold'> {
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
    return 'untold';
  } catch (error) {
    if (awsCodeOf(error) === 'DryRunOperation') return 'known';
    return isEventualConsistency(error) ? 'unknown' : 'untold';
  }
}
