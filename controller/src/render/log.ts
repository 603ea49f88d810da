import type { AttemptStarted } from '@runctl/protocol';

/** `── attempt 2 · i-… · g5.xlarge us-east-1b spot · resumed at step 400 ──` */
export function logBanner(attempt: number, started: AttemptStarted | null): string {
  if (started === null) return `── attempt ${attempt} ──`;
  const { instanceId, instanceType, zone, market, resumedFrom } = started;
  return `── attempt ${attempt} · ${instanceId} · ${instanceType} ${zone} ${market} · ${beginning(resumedFrom)} ──`;
}

function beginning(resumedFrom: AttemptStarted['resumedFrom']): string {
  if (resumedFrom === null) return 'started from nothing';
  return resumedFrom.step === null ? 'resumed' : `resumed at step ${resumedFrom.step}`;
}
