import { command, type Hint } from '@runctl/core';
import type { ProviderAbilities } from '@runctl/provider';

/** The promises of runctl that do not hold with a provider, one clause each with the reason, for people. Empty when all do. */
export function missingPromises({ recovers, noticeMs, expires }: ProviderAbilities): readonly Hint[] {
  return [
    ...(recovers.value === 'by-itself'
      ? []
      : [['a machine that is lost is not replaced, until ', command('resume'), `: ${recovers.reason}`]]),
    ...(noticeMs.value === null
      ? [`nothing is saved at the last moment, only what is durable by then: ${noticeMs.reason}`]
      : []),
    ...(expires.value ? [] : [`nobody but the agent ends a machine at --max-runtime: ${expires.reason}`]),
  ];
}
