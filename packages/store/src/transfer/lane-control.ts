/** What one period of sending has shown. */
export interface LaneSample {
  readonly bytesPerSecond: number;
  /** Somebody had to wait for a lane in this period: only then more of them could have helped. */
  readonly saturated: boolean;
  /** The store asked to slow down (503). */
  readonly throttled: boolean;
}

export interface LaneState {
  readonly limit: number;
  /** The rate that the last increase has to beat; null before the first saturated period. */
  readonly bytesPerSecond: number | null;
  /** The last period ran with more lanes than the one before. */
  readonly grown: boolean;
  /** For so many saturated periods nothing is tried. */
  readonly restPeriods: number;
}

export interface LaneBounds {
  readonly least: number;
  readonly most: number;
}

const INCREASE = 2;
const WORTHWHILE = 1.05;
const COLLAPSE = 0.5;
const REST_PERIODS = 10;

/**
 * How many requests to have under way in the next period: additive increase for as long as it pays, halved when the store
 * throttles or the rate collapses. One S3 connection carries some 50 MB/s and a machine's share of the network comes and
 * goes (burst credits), so the right number can only be found by trying; beyond it more buffers bring nothing.
 */
export function adjustLanes(state: LaneState, sample: LaneSample, bounds: LaneBounds): LaneState {
  const within = (limit: number): number => Math.min(bounds.most, Math.max(bounds.least, limit));
  const { bytesPerSecond } = sample;
  const collapsed =
    sample.saturated && state.bytesPerSecond !== null && bytesPerSecond < state.bytesPerSecond * COLLAPSE;
  if (sample.throttled || collapsed)
    return {
      limit: within(Math.floor(state.limit / 2)),
      bytesPerSecond: sample.throttled ? null : bytesPerSecond,
      grown: false,
      restPeriods: REST_PERIODS,
    };
  if (!sample.saturated) return { ...state, grown: false };
  if (state.grown && state.bytesPerSecond !== null && bytesPerSecond < state.bytesPerSecond * WORTHWHILE)
    return { limit: within(state.limit - INCREASE), bytesPerSecond, grown: false, restPeriods: REST_PERIODS };
  if (state.restPeriods > 0) return { ...state, bytesPerSecond, grown: false, restPeriods: state.restPeriods - 1 };
  const limit = within(state.limit + INCREASE);
  return { limit, bytesPerSecond, grown: limit > state.limit, restPeriods: 0 };
}
