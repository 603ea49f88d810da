import type { LeftBehind, LifeEvent } from '@runctl/protocol';
import type { AttemptBegunEvent } from '@runctl/protocol/events';
import { shownName } from './style.ts';

/** `── attempt 2 · i-… · g5.xlarge us-east-1b spot · resumes from step 400 ──` */
export function logBanner({
  attempt,
  started,
  resumeIgnored,
}: Pick<AttemptBegunEvent, 'attempt' | 'started' | 'resumeIgnored'>): string {
  if (started === null) return `── attempt ${attempt} ──`;
  const { machineId, machineType, location, market } = started;
  const place = `${machineId} · ${machineType} ${location} ${market}`;
  return `── attempt ${attempt} · ${place} · ${resumeIgnored ?? beginning(started.resumedFrom)} ──`;
}

/** `── attempt 1 · crash: exit code 1 after 4.0 s ──` */
export function lifeEventBanner(attempt: number, { kind, message }: LifeEvent): string {
  return `── attempt ${attempt} · ${kind}: ${message} ──`;
}

function beginning(resumedFrom: NonNullable<AttemptBegunEvent['started']>['resumedFrom']): string {
  if (resumedFrom === null) return 'started from nothing';
  const from = resumedFrom.step === null ? 'resumes from a checkpoint' : `resumes from step ${resumedFrom.step}`;
  return resumedFrom.leftBehind === undefined ? from : `${from}, without ${leftBehindText(resumedFrom.leftBehind)}`;
}

function leftBehindText({ names, count }: LeftBehind): string {
  const more = count - names.length;
  if (names.length === 0) return `${more} ${more === 1 ? 'other' : 'others'}`;
  return names.map(shownName).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
