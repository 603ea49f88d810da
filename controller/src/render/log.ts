import type { AttemptStarted } from '@runctl/protocol';

/** `── attempt 2 · i-… · g5.xlarge us-east-1b spot · resumed at step 400 ──` */
export function logBanner(attempt: number, started: AttemptStarted | null): string {
  if (started === null) return `── attempt ${attempt} ──`;
  const { machineId, machineType, location, market, resumedFrom } = started;
  return `── attempt ${attempt} · ${machineId} · ${machineType} ${location} ${market} · ${beginning(resumedFrom)} ──`;
}

function beginning(resumedFrom: AttemptStarted['resumedFrom']): string {
  if (resumedFrom === null) return 'started from nothing';
  return resumedFrom.step === null ? 'resumed' : `resumed at step ${resumedFrom.step}`;
}
