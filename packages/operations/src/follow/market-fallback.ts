/** How long a switch of the market may take to show: after it the provider is asked anew. */
export const SWITCH_SHOWS_MS = 60_000;

export interface FallbackState {
  /** How long nothing was to be had in the first market. */
  readonly waitedMs: number;
  /** After how long the other market is taken; null = never. */
  readonly limitMs: number | null;
  readonly market: string | null;
  readonly canSwitch: boolean;
  /** Null before the switch. */
  readonly sinceSwitchMs: number | null;
  readonly canReplace: boolean;
}

/**
 * What a launch without a machine does next. Whether a provider that leaves an offer alone for a while does so in the other
 * market as well is not known: where a switch does not help, machines are asked for anew, once.
 *
 *     wait ──► switch ──► wait ──► replace ──► wait
 */
export function fallbackStep(state: FallbackState): 'wait' | 'switch' | 'replace' {
  const { waitedMs, limitMs, market, canSwitch, sinceSwitchMs, canReplace } = state;
  if (limitMs === null || market !== 'spot' || !canSwitch) return 'wait';
  if (sinceSwitchMs === null) return waitedMs >= limitMs ? 'switch' : 'wait';
  return canReplace && sinceSwitchMs >= SWITCH_SHOWS_MS ? 'replace' : 'wait';
}
