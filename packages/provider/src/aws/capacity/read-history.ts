import type { HistoryRecordEntry } from '@aws-sdk/client-ec2';
import type { ProblemNature, ProviderEvent } from '../../port/index.ts';
import { classifyAwsError, isEventualConsistency } from '../api/classify.ts';
import { codeOfReason } from './fleet-reason.ts';
import { readSentence } from './fleet-sentence.ts';
import { quotaHint } from '../examination/quota-of.ts';

type Word = ProviderEvent['kind'];

/**
 * Kinds as the API's model, AWS's own examples, EventBridge and answers in the wild spell them, in lower-case letters alone:
 * `service-error`, `error`; `fleet-change`, `fleetRequestChange`, `EC2 Fleet State Change`.
 */
const KINDS: Readonly<Record<string, Word>> = {
  error: 'error',
  serviceerror: 'error',
  information: 'information',
  instancechange: 'machine',
  fleetchange: 'state',
  fleetrequestchange: 'state',
  statechange: 'state',
  spotinstancerequestchange: 'information',
};

/**
 * Sub-types that say that a machine could not be made, in whichever kind they come (older texts of the API list one of them
 * among the errors). `fleet`: EC2 tries nothing at all meanwhile (EC2 user guide, "Fleet event types").
 */
const PROBLEMS: Readonly<Record<string, 'fleet' | 'offer'>> = {
  iamfleetroleinvalid: 'fleet',
  spotinstancecountlimitexceeded: 'fleet',
  spotfleetrequestconfigurationinvalid: 'fleet',
  alllaunchspecstemporarilyblacklisted: 'fleet',
  fleetprogresshalted: 'fleet',
  launchspectemporarilyblacklisted: 'offer',
  launchspecunusable: 'offer',
};

/** What a sub-type means where no text says more. Both stand for many reasons, so that a known sentence wins. */
const MEANINGS: Readonly<Record<string, { readonly code: string; readonly text: string }>> = {
  iamfleetroleinvalid: {
    code: 'iamFleetRoleInvalid',
    text: 'the fleet does not have the permissions that it needs to launch or end an instance',
  },
  spotinstancecountlimitexceeded: {
    code: 'MaxSpotInstanceCountExceeded',
    text: 'the limit on the number of spot instances that can be launched is reached',
  },
  spotfleetrequestconfigurationinvalid: { code: 'InvalidFleetConfiguration', text: 'the configuration is not valid' },
  launchspecunusable: { code: 'SpotMaxPriceTooLow', text: 'the price limit is below the spot price' },
  fleetprogresshalted: { code: 'SpotMaxPriceTooLow', text: 'every price limit is below the spot price' },
};

/**
 * A fleet's history as events, oldest first. Pure. `allLaunchSpecsTemporarilyBlacklisted`, which is often the last error,
 * gives no reason, and some sentences are cut after their first word: both show the reason of the error before, and say that
 * they have none.
 */
export function readHistory(records: readonly HistoryRecordEntry[]): ProviderEvent[] {
  const read = records.map(readRecord).sort((a, b) => a.atMs - b.atMs);
  return read.map((event, index) => {
    if (event.nature !== 'no-reason') return event;
    const before = read
      .slice(0, index)
      .findLast((other) => other.kind === 'error' && other.nature !== 'no-reason' && concerns(other, event));
    if (before === undefined) return event;
    const { errorCode, hint, message, market } = before;
    return { ...event, errorCode, hint, market, message: event.offer === null ? event.message : message };
  });
}

function concerns(earlier: ProviderEvent, { offer }: ProviderEvent): boolean {
  return offer === null || earlier.offer?.machineType === offer.machineType;
}

function readRecord({ Timestamp, EventType, EventInformation }: HistoryRecordEntry): ProviderEvent {
  const code = EventInformation?.EventSubType ?? 'unknown';
  const subType = lettersOf(code);
  const description = EventInformation?.EventDescription ?? '';
  const problem = PROBLEMS[subType];
  const kind = problem === undefined ? (KINDS[kindLetters(EventType ?? '')] ?? 'information') : 'error';
  const { offer, reason, restMs } = readSentence(description);
  const atMs = Timestamp?.getTime() ?? 0;
  const shared = { atMs, kind, code, machineId: EventInformation?.InstanceId ?? null, offer };
  if (kind !== 'error') {
    const plain = { errorCode: null, hint: null, market: null, restsUntilMs: null, blocksLaunch: false };
    return { ...shared, ...plain, message: reason };
  }
  const known = codeOfReason(`${reason} ${code}`);
  const awsCode = known ?? MEANINGS[subType]?.code ?? null;
  const lacksReason = known === null && (subType === 'alllaunchspecstemporarilyblacklisted' || isCut(reason));
  const nature = lacksReason ? 'no-reason' : natureOf(awsCode, reason);
  return {
    ...shared,
    ...classOf(awsCode, { reason, offer }),
    message: reason === '' ? (MEANINGS[subType]?.text ?? '') : reason,
    market: /\bspot\b/i.test(description) || subType.startsWith('spotinstance') ? 'spot' : null,
    restsUntilMs: restMs === null ? null : atMs + restMs,
    blocksLaunch: problem === 'fleet',
    ...(nature === null ? {} : { nature }),
  };
}

/** Permissions and subnets take a moment to be known as well as what EC2's own list of such names. */
const SETTLING: ReadonlySet<string> = new Set([
  'UnauthorizedOperation',
  'AccessDenied',
  'AccessDeniedException',
  'AuthFailure.ServiceLinkedRoleCreationNotPermitted',
  'iamFleetRoleInvalid',
  'InvalidInstanceProfile',
  'InvalidSubnetID.NotFound',
]);

function natureOf(awsCode: string | null, reason: string): ProblemNature | null {
  if (awsCode === null) return null;
  if (classifyAwsError({ name: awsCode }, '').code === 'quota-exceeded')
    return /\blimit of 0\b/i.test(reason) ? 'lasting' : null;
  return SETTLING.has(awsCode) || isEventualConsistency({ name: awsCode, message: reason }) ? 'settling' : null;
}

/** One word is no sentence: EC2 was seen to write `…, Linux/UNIX: Value`. */
function isCut(reason: string): boolean {
  return reason !== '' && !/\s/.test(reason);
}

/** For an error of which nothing more is known. */
const HINT = 'look at what EC2 says; docs/aws-account.md lists what an account needs';

function classOf(
  awsCode: string | null,
  { reason, offer }: Pick<ReturnType<typeof readSentence>, 'reason' | 'offer'>,
): Pick<ProviderEvent, 'errorCode' | 'hint'> {
  if (awsCode === null) return { errorCode: 'cloud-error', hint: HINT };
  const { code, hint } = classifyAwsError({ name: awsCode, message: reason }, 'launching');
  // A subnet is one of several: each offer has its own.
  if (awsCode.startsWith('InvalidSubnetID') && offer !== null) return { errorCode: 'pool-invalid', hint: hint ?? HINT };
  if (code !== 'quota-exceeded') return { errorCode: code, hint: hint ?? HINT };
  const market = awsCode.includes('Spot') ? 'spot' : 'on-demand';
  return { errorCode: code, hint: quotaHint(offer?.machineType ?? null, market) };
}

function lettersOf(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z]/g, '');
}

/** EventBridge puts the service before the kind. */
function kindLetters(eventType: string): string {
  return lettersOf(eventType).replace(/^ec(spot)?fleet/, '');
}
