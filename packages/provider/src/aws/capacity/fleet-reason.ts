import { awsCodes } from '../api/classify.ts';

/**
 * EC2's error code for what a sentence says; the first that fits. A fleet never gives the code itself. Sources: the texts of
 * the EC2 API reference ("Error codes"), of the user guide ("Fleet event types", "Spot request status"), and of fleet
 * histories in public issues (terraform-provider-aws#26493, c6fc/npk#70, Distributed-CellProfiler#151).
 */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/request limit exceeded|rate exceeded|throttl/i, 'RequestLimitExceeded'],
  [/(lower|less) than (the )?(minimum required )?spot (market |request fulfillment )?price/i, 'SpotMaxPriceTooLow'],
  [/\bprice[- ]too[- ]low\b|below the spot price/i, 'SpotMaxPriceTooLow'],
  [/not enough free addresses|insufficient free addresses/i, 'InsufficientFreeAddressesInSubnet'],
  [
    /no spot capacity available|no longer any available spot capacity|insufficient (instance |spot )?capacity/i,
    'InsufficientInstanceCapacity',
  ],
  [/not have sufficient .*capacity|no more unused capacity/i, 'InsufficientInstanceCapacity'],
  [/\bcapacity-(not-available|oversubscribed)\b/i, 'InsufficientInstanceCapacity'],
  [/unable to fulfill capacity/i, 'UnfulfillableCapacity'],
  [/spot (max )?instance count exceeded|limit on the number of spot instances/i, 'MaxSpotInstanceCountExceeded'],
  [/\bvcpu (capacity|limit)/i, 'VcpuLimitExceeded'],
  [/instance limit|limit .*\binstances\b.*\bexceeded/i, 'InstanceLimitExceeded'],
  [/exceeded .*\b(storage|volumes?|gp[23]|io[12])\b.*\blimit/i, 'VolumeLimitExceeded'],
  [/request .* is being validated|pending verification/i, 'PendingVerification'],
  [/service-linked role/i, 'AuthFailure.ServiceLinkedRoleCreationNotPermitted'],
  [/fleet (does|did) not have the required permissions/i, 'iamFleetRoleInvalid'],
  [/not subscribed to this service|accept (the )?terms|marketplace product/i, 'OptInRequired'],
  [/account is (currently )?blocked/i, 'Blocked'],
  [/not authorized|unauthorized|access ?denied|explicit deny/i, 'UnauthorizedOperation'],
  [/architecture .* does not match the architecture/i, 'Unsupported'],
  [/invalid value '[^']*' for instancetype/i, 'InvalidInstanceType'],
  [/\bnot supported\b/i, 'Unsupported'],
  [/user data is limited/i, 'InvalidUserData.Malformed'],
  [/instance ?profile/i, 'InvalidInstanceProfile'],
  [/\b(image id|ami)\b.*\b(does not exist|not exist|no longer|malformed|not available)/i, 'InvalidAMIID.NotFound'],
  [/security ?group\b.*\bnot exist/i, 'InvalidGroup.NotFound'],
  [/subnet id\b.*\bnot exist/i, 'InvalidSubnetID.NotFound'],
  [/no default (vpc|subnet)/i, 'VPCIdNotSpecified'],
  [/smaller than snapshot/i, 'InvalidBlockDeviceMapping'],
  [/launch ?template\b.*\bnot exist/i, 'InvalidLaunchTemplateId.NotFound'],
];

/** Pure. Null for a sentence that nothing here knows. A code of EC2 that stands in the text itself counts as well. */
export function codeOfReason(text: string): string | null {
  const known = SENTENCES.find(([sentence]) => sentence.test(text))?.[1];
  if (known !== undefined) return known;
  return text.match(/\b[A-Z][A-Za-z]{4,}(?:\.[A-Z][A-Za-z]+)*/g)?.find((word) => awsCodes.has(word)) ?? null;
}
