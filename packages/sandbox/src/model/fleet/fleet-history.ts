import type { AwsError } from '../aws-error.ts';
import type { Fleet, FleetHistoryEntry } from './fleet.ts';
import type { FleetPool } from './fleet-pools.ts';

const keptEntries = 1000;

type HistoryWords = Pick<FleetHistoryEntry, 'type' | 'subType'> & Partial<FleetHistoryEntry>;

/** Adds what happened to a fleet to its history, which keeps the newest entries. */
export function recordInHistory(fleet: Fleet, entry: HistoryWords, atMs: number): void {
  fleet.history.push({ description: '', instanceId: null, ...entry, atMs });
  if (fleet.history.length > keptEntries) fleet.history.shift();
}

/** For how long EC2 was seen not to try a launch specification again, as its sentence says; at scale 1. */
const REST_MINUTES = 13;

/** Codes of a launch that found no room. */
const FULL: ReadonlySet<string> = new Set([
  'InsufficientInstanceCapacity',
  'InsufficientCapacity',
  'UnfulfillableCapacity',
]);

interface FailureWords {
  readonly words: HistoryWords;
  /** The pool is not tried for a while, as the words say or as they were seen to mean. */
  readonly rests: boolean;
}

/**
 * A failed launch in the words of a fleet's history, which never has EC2's code. Sources: EC2 user guide, "Fleet event types"
 * (prices); public histories for the rest (terraform-provider-aws#26493 for spot capacity, c6fc/npk#70 for on-demand capacity
 * and for a type that a zone lacks, a console log of 2019 for repeated errors and the quota).
 */
export function failureWords(
  pool: FleetPool,
  error: AwsError,
  options: { readonly fullPoolsRest: boolean },
): FailureWords {
  const type = pool.spec?.type.name ?? pool.override.instanceType ?? '';
  const specification = `${type}, ${pool.spec?.image.id ?? pool.imageId}, Linux/UNIX`;
  const place = `${specification}, ${pool.place}`;
  const unusable = (reason: string): FailureWords => ({
    words: { type: 'information', subType: 'launchSpecUnusable', description: `${place}, ${reason}` },
    rests: true,
  });
  if (error.code === 'SpotMaxPriceTooLow')
    return unusable(
      `Spot price in either SpotFleetRequestConfigData or SpotFleetLaunchSpecification or LaunchTemplate or LaunchTemplateOverrides is less than Spot market price $${pool.pricePerHourUsd}`,
    );
  if (/instance type .* is not supported in your requested Availability Zone/.test(error.message))
    return unusable('requested instance type is not supported in the requested Availability Zone');
  if (FULL.has(error.code) && !options.fullPoolsRest)
    return {
      words: {
        type: 'error',
        subType: 'spotFleetRequestConfigurationInvalid',
        description: `${pool.market === 'spot' ? specification : place}: ${error.message}`,
      },
      rests: false,
    };
  const reason = error.code === 'MaxSpotInstanceCountExceeded' ? 'Spot Max Instance Count Exceeded' : error.message;
  const doing = pool.market === 'spot' ? ' while launching spot instance' : '';
  return {
    words: {
      type: 'information',
      subType: 'launchSpecTemporarilyBlacklisted',
      description: `Repeated errors have occurred processing the launch specification "${place}${doing}". It will not be retried for at least ${REST_MINUTES} minutes. Error message: ${reason}`,
    },
    rests: true,
  };
}

/** When every pool rests: the reason stands in the entries before. */
export const ALL_REST: HistoryWords = {
  type: 'error',
  subType: 'allLaunchSpecsTemporarilyBlacklisted',
  description:
    'Several attempts to launch instances have failed. Either the request could not be satisfied or the configuration is not valid. We will retry the request again later. For more information, see the description of the event.',
};

/** Said without a text (console log of 2019). */
export const SPOT_COUNT_LIMIT: HistoryWords = { type: 'error', subType: 'spotInstanceCountLimitExceeded' };
export const ROLE_INVALID: HistoryWords = { type: 'error', subType: 'iamFleetRoleInvalid' };
/** When the price limit of every pool is too low. */
export const NO_PRICE_REACHES: HistoryWords = { type: 'information', subType: 'fleetProgressHalted' };
