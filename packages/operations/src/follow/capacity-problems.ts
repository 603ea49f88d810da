import type { ProviderEvent } from '@runctl/provider';
import type { LaunchIntent } from '@runctl/protocol';

/** What the provider says against machines of a launch: the newest problem of each offer, and of the launch as a whole. */
export class CapacityProblems {
  readonly #newest = new Map<string, ProviderEvent>();

  /**
   * Events in order of time; whatever is no error is left out, and an event that came before changes nothing, nor does one
   * without a reason of its own where one is known.
   */
  add(event: ProviderEvent): void {
    if (event.kind !== 'error') return;
    const { offer } = event;
    const name = offer === null ? `launch ${event.code}` : `${offer.machineType} ${offer.location ?? ''}`;
    const known = this.#newest.get(name);
    if (known !== undefined && event.nature === 'no-reason' && known.nature !== 'no-reason') return;
    if (known === undefined || known.atMs <= event.atMs) this.#newest.set(name, event);
  }

  /** In the order in which the offers were first named. */
  list(): readonly ProviderEvent[] {
    return [...this.#newest.values()];
  }

  /** Those that hold for machines of a market; what the provider does not say of one alone holds for each. */
  of(market: LaunchIntent['market']): readonly ProviderEvent[] {
    return this.list().filter((event) => event.market === null || event.market === market);
  }

  /** Another market is asked from now on: what was said before holds there no more. */
  forget(): void {
    this.#newest.clear();
  }
}
