import type { StateReason } from '@aws-sdk/client-ec2';
import type { MachineEndCause } from '../../port/index.ts';

/** EC2's codes (API reference, StateReason; EC2 user guide, "Troubleshoot instance launch issues"). */
const CAUSES: Readonly<Record<string, MachineEndCause>> = {
  'Server.SpotInstanceTermination': { kind: 'taken-back', text: 'it was taken back, as spot machines are', hint: null },
  'Server.SpotInstanceShutdown': { kind: 'taken-back', text: 'it was taken back, as spot machines are', hint: null },
  'Server.InsufficientInstanceCapacity': {
    kind: 'no-capacity',
    text: 'there was no room left for it',
    hint: 'add types with --instance-type, or subnets in other zones',
  },
  'Server.ScheduledStop': { kind: 'taken-back', text: 'its host is retired', hint: null },
  'Server.InternalError': { kind: 'failed', text: 'its host failed, or could not start it', hint: null },
  'Client.InstanceInitiatedShutdown': { kind: 'powered-off', text: 'it powered itself off', hint: null },
  'Client.UserInitiatedShutdown': {
    kind: 'ended',
    text: 'it was ended from outside, in the console or by a call',
    hint: null,
  },
  'Client.UserInitiatedHibernate': { kind: 'ended', text: 'somebody sent it to sleep', hint: null },
  'Client.InstanceTerminated': { kind: 'ended', text: 'it was ended while an image was made of it', hint: null },
  'Client.InternalError': {
    kind: 'failed',
    text: 'it could not be started: as a rule its disk is encrypted with a key that may not be used',
    hint:
      'give AWSServiceRoleForEC2Fleet and AWSServiceRoleForEC2Spot a grant on the key (`aws kms create-grant`), ' +
      'or name an image that is encrypted with another one',
  },
  'Client.VolumeLimitExceeded': {
    kind: 'failed',
    text: 'the account may have no more disks',
    hint: 'delete disks that nobody needs, or have the quota of EBS storage raised',
  },
  'Client.InvalidSnapshot.NotFound': {
    kind: 'failed',
    text: 'the snapshot behind its image is not there',
    hint: 'name another image with --ami',
  },
};

/** Null while an instance has no reason to end. A code that is not known here is shown in EC2's own words. */
export function endCauseOf(reason: StateReason | undefined): MachineEndCause | null {
  const code = reason?.Code;
  // A launching instance may carry the word `pending`.
  if (code === undefined || code === '' || code === 'pending') return null;
  const known = Object.hasOwn(CAUSES, code) ? CAUSES[code] : undefined;
  return known ?? { kind: 'unknown', text: wordsOf(code, reason?.Message), hint: null };
}

/** EC2 repeats the code before its words. */
function wordsOf(code: string, message = ''): string {
  const words = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  return words === '' ? 'for a reason of its own' : words;
}
