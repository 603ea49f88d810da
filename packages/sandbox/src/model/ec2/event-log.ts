/** One thing that happened in the region, for people and for drills. Not an AWS API. */
export interface RegionEvent {
  readonly atMs: number;
  readonly kind:
    | 'launched'
    | 'running'
    | 'launch-failed'
    | 'rebalance-recommended'
    | 'notice'
    | 'survived'
    | 'power-button'
    | 'killed'
    | 'ended'
    | 'fleet-created'
    | 'fleet-deleted'
    | 'fleet-expired'
    | 'no-capacity';
  readonly instanceId?: string;
  readonly fleetId?: string;
  readonly detail?: string;
}

const kept = 2000;

/** The newest events of a region, oldest first. */
export class EventLog {
  readonly #events: RegionEvent[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add(kind: RegionEvent['kind'], about: Omit<RegionEvent, 'atMs' | 'kind'>): void {
    this.#events.push({ atMs: this.#nowMs(), kind, ...about });
    if (this.#events.length > kept) this.#events.shift();
  }

  list(): readonly RegionEvent[] {
    return [...this.#events];
  }
}
