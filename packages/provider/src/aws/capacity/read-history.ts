import type { HistoryRecordEntry } from '@aws-sdk/client-ec2';
import type { ProviderEvent } from '../../port/index.ts';
import { classifyAwsError } from '../api/classify.ts';
import { codeOfReason } from './fleet-reason.ts';
import { readSentence } from './fleet-sentence.ts';
import { quotaHint } from './vcpu-quotas.ts';

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

interface ReadRecord {
  readonly event: ProviderEvent;
  /** An error whose text gives no reason of its own. */
  readonly lacksReason: boolean;
}

/**
 * A fleet's history as events, oldest first. Pure. `allLaunchSpecsTemporarilyBlacklisted`, which is often the last error,
 * gives no reason, and some sentences are cut after their first word: both take the reason of the error before.
 */
export function readHistory(records: readonly HistoryRecordEntry[]): ProviderEvent[] {
  const read = records.map(readRecord).sort((a, b) => a.event.atMs - b.event.atMs);
  return read.map(({ event, lacksReason }, index) => {
    if (!lacksReason) return event;
    const before = read
      .slice(0, index)
      .findLast((other) => other.event.kind === 'error' && !other.lacksReason && concerns(other.event, event));
    if (before === undefined) return event;
    const { errorCode, hint, message, market } = before.event;
    return { ...event, errorCode, hint, market, message: event.offer === null ? event.message : message };
  });
}

function concerns(earlier: ProviderEvent, { offer }: ProviderEvent): boolean {
  return offer === null || earlier.offer?.machineType === offer.machineType;
}

function readRecord({ Timestamp, EventType, EventInformation }: HistoryRecordEntry): ReadRecord {
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
    return { event: { ...shared, ...plain, message: reason }, lacksReason: false };
  }
  const known = codeOfReason(`${reason} ${code}`);
  const { errorCode, hint } = classOf(known ?? MEANINGS[subType]?.code ?? null, { reason, offer });
  return {
    event: {
      ...shared,
      errorCode,
      hint,
      message: reason === '' ? (MEANINGS[subType]?.text ?? '') : reason,
      market: /\bspot\b/i.test(description) || subType.startsWith('spotinstance') ? 'spot' : null,
      restsUntilMs: restMs === null ? null : atMs + restMs,
      blocksLaunch: problem === 'fleet',
    },
    lacksReason: known === null && (subType === 'alllaunchspecstemporarilyblacklisted' || isCut(reason)),
  };
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
