import { RunctlError, messageOf, type ErrorCode } from '@runctl/core';

/**
 * EC2's and SSM's error codes by what a user can do about them.
 * Source: EC2 API reference, "Error codes"; the classes that Karpenter and ParallelCluster use.
 */
const CODES: Readonly<Record<string, ErrorCode>> = {
  InsufficientInstanceCapacity: 'no-capacity',
  InsufficientCapacity: 'no-capacity',
  InsufficientHostCapacity: 'no-capacity',
  InsufficientReservedInstanceCapacity: 'no-capacity',
  UnfulfillableCapacity: 'no-capacity',
  ReservationCapacityExceeded: 'no-capacity',
  SpotMaxPriceTooLow: 'no-capacity',
  InsufficientVolumeCapacity: 'no-capacity',
  InsufficientFreeAddressesInSubnet: 'no-capacity',
  InsufficientAddressCapacity: 'no-capacity',
  MaxSpotInstanceCountExceeded: 'quota-exceeded',
  MaxSpotFleetRequestCountExceeded: 'quota-exceeded',
  VcpuLimitExceeded: 'quota-exceeded',
  InstanceLimitExceeded: 'quota-exceeded',
  MaxFleetCountExceeded: 'quota-exceeded',
  VolumeLimitExceeded: 'quota-exceeded',
  Unsupported: 'pool-invalid',
  InvalidFleetConfiguration: 'pool-invalid',
  InvalidInstanceType: 'instance-type-unknown',
  'InvalidZone.NotFound': 'pool-invalid',
  UnauthorizedOperation: 'access-denied',
  AccessDenied: 'access-denied',
  AccessDeniedException: 'access-denied',
  'AuthFailure.ServiceLinkedRoleCreationNotPermitted': 'access-denied',
  OptInRequired: 'access-denied',
  Blocked: 'access-denied',
  AuthFailure: 'no-credentials',
  InvalidClientTokenId: 'no-credentials',
  UnrecognizedClientException: 'no-credentials',
  SignatureDoesNotMatch: 'no-credentials',
  CredentialsProviderError: 'no-credentials',
  ExpiredToken: 'credentials-expired',
  ExpiredTokenException: 'credentials-expired',
  RequestExpired: 'credentials-expired',
  'InvalidAMIID.NotFound': 'config-invalid',
  'InvalidAMIID.Unavailable': 'config-invalid',
  'InvalidAMIID.Malformed': 'config-invalid',
  ParameterNotFound: 'config-invalid',
  InvalidParameterValue: 'config-invalid',
  InvalidParameterCombination: 'config-invalid',
  'InvalidUserData.Malformed': 'user-data-too-large',
  VPCIdNotSpecified: 'config-invalid',
  'InvalidLaunchTemplateId.NotFound': 'config-invalid',
  'InvalidLaunchTemplateId.VersionNotFound': 'config-invalid',
  'InvalidSubnetID.NotFound': 'config-invalid',
  'InvalidSubnetID.Malformed': 'config-invalid',
  'InvalidGroup.NotFound': 'config-invalid',
  'InvalidSecurityGroupID.NotFound': 'config-invalid',
  'InvalidGroupId.Malformed': 'config-invalid',
  InvalidBlockDeviceMapping: 'config-invalid',
  InvalidInstanceProfile: 'config-invalid',
  InvalidInstanceId: 'agent-unreachable',
  'InvalidInstanceID.NotFound': 'instance-not-found',
  // Sub-type of a fleet's event.
  iamFleetRoleInvalid: 'access-denied',
};

/** Codes whose class is known. */
export const awsCodes: ReadonlySet<string> = new Set(Object.keys(CODES));

const NAME_AN_IMAGE = 'images belong to one region: name one of this region with --ami, or none for the default image';

const TEMPLATE_IS_GONE =
  'somebody deleted the launch template of this launch: stop the run and resume it, which makes a new one';
/** A region that is not enabled knows none of the account's keys (AWS Account Management, "Enable or disable Regions"). */
const NOT_ENABLED =
  'log in (`aws sso login`, `aws configure`); a region that the account has not enabled answers so too: `aws account get-region-opt-status --region-name REGION` tells';

const HINTS: Readonly<Partial<Record<string, string>>> = {
  VPCIdNotSpecified: 'this account has no default VPC: name subnets with `subnets = ["subnet-…"]` in .runctl.toml',
  'AuthFailure.ServiceLinkedRoleCreationNotPermitted':
    'once per account: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com',
  'InvalidLaunchTemplateId.NotFound': TEMPLATE_IS_GONE,
  'InvalidLaunchTemplateId.VersionNotFound': TEMPLATE_IS_GONE,
  'InvalidSubnetID.NotFound':
    '`aws ec2 describe-subnets` lists those of this region; name one with --subnet, or none for the default VPC',
  'InvalidAMIID.NotFound': NAME_AN_IMAGE,
  'InvalidAMIID.Unavailable': NAME_AN_IMAGE,
  'InvalidAMIID.Malformed': NAME_AN_IMAGE,
  RequestExpired: 'check that the clock of this computer is right',
  InvalidInstanceProfile:
    'set instance_profile in .runctl.toml to one that exists; one that was just made is known to EC2 after some seconds',
  SpotMaxPriceTooLow: 'a price limit is below the market price: raise it, or leave it out',
  InsufficientFreeAddressesInSubnet: 'name another subnet with --subnet, or one in another zone beside it',
  PendingVerification: 'AWS checks new accounts and regions for minutes to hours; it goes on by itself',
  iamFleetRoleInvalid:
    'once per account: aws iam create-service-linked-role --aws-service-name ec2fleet.amazonaws.com, and the same for spot.amazonaws.com',
  AuthFailure: NOT_ENABLED,
  InvalidClientTokenId: NOT_ENABLED,
  UnrecognizedClientException: NOT_ENABLED,
  OptInRequired: 'this account is not signed up for the service in this region: choose another region, or enable it',
};

const CLASS_HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  'no-capacity': 'add types with --instance-type, or allow on-demand',
  'quota-exceeded':
    'ask for a higher vCPU quota (Service Quotas, EC2), or use another family; spot and on-demand have separate quotas',
  'no-credentials': 'log in (`aws sso login`, `aws configure`) or try without an account: --sandbox',
  'credentials-expired': 'log in again, for example `aws sso login`',
  'config-invalid': 'check instance_profile, ami, subnets and security_groups in .runctl.toml or the options',
  'access-denied': 'the credentials lack this permission; `aws sts get-caller-identity` tells whose they are',
  'user-data-too-large': 'shorten the prefix in the bucket',
  'instance-type-unknown': 'check --instance-type and the region',
  'cloud-error': 'try again; with --verbose the whole answer of AWS is shown',
  'pool-invalid': 'check the instance type and region; `aws ec2 describe-instance-type-offerings` lists what exists',
};

/** The code that AWS gave, whatever the error's shape. */
export function awsCodeOf(error: unknown): string | null {
  const { name, Code, code } = (error ?? {}) as { name?: unknown; Code?: unknown; code?: unknown };
  for (const candidate of [Code, name, code])
    if (typeof candidate === 'string' && candidate !== 'Error') return candidate;
  return null;
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Whether no answer came, or only a part of one. */
export function isNetworkFailure(error: unknown): boolean {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  // What the network's own functions throw has a code; what the SDK throws has a name.
  if (typeof code !== 'string') return name === 'TimeoutError';
  // What answered is no web server (llhttp's codes).
  return NETWORK_CODES.has(code) || code.startsWith('HPE_') || name === 'TimeoutError';
}

/** Of the answer that an error of the SDK carries: the body where its parser could not read it. */
interface UnreadAnswer {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * What came where no AWS service answers but a proxy, a login page or another server; null for answers of AWS. An answer that
 * the SDK can't read is AWS's own where it has the id of a request and is no page.
 */
export function foreignAnswer(error: unknown): string | null {
  if (!messageOf(error).includes('Deserialization error')) return null;
  const { statusCode, headers = {}, body } = ((error ?? {}) as { $response?: UnreadAnswer }).$response ?? {};
  const isPage = typeof body === 'string' && /^\s*(<!doctype\s+html|<html)\b/i.test(body);
  if (!isPage && Object.keys(headers).some((name) => REQUEST_ID.test(name))) return null;
  return `HTTP ${statusCode ?? 'answer'} with what is no answer of AWS's`;
}

/** EC2, IAM, SSM and STS call it `x-amzn-requestid`, S3 `x-amz-request-id`. */
const REQUEST_ID = /^x-amzn?-request-?id$/i;

/** A RunctlError for whatever an AWS call threw; `doing` is what was attempted: `creating the fleet`. */
export function classifyAwsError(error: unknown, doing: string): RunctlError {
  if (error instanceof RunctlError) return error;
  const awsCode = awsCodeOf(error);
  if (isNetworkFailure(error))
    return new RunctlError('cloud-unreachable', `${doing}: no answer from AWS (${networkWord(error)})`, {
      hint: 'check the network, the region, and AWS_ENDPOINT_URL if it is set',
      cause: error,
    });
  const foreign = foreignAnswer(error);
  if (foreign !== null)
    return new RunctlError('cloud-unreachable', `${doing}: ${foreign}`, {
      hint: 'check whether a proxy or a login page stands in between, and AWS_ENDPOINT_URL if it is set',
      cause: error,
    });
  const code: ErrorCode = (awsCode === null ? undefined : CODES[awsCode]) ?? 'cloud-error';
  const hint = (awsCode === null ? undefined : HINTS[awsCode]) ?? CLASS_HINTS[code];
  return new RunctlError(code, `${doing}: ${messageOf(error)}${awsCode === null ? '' : ` (${awsCode})`}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
    details: { awsCode },
  });
}

function networkWord(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : messageOf(error);
}

/** Does `work`, and rejects with a RunctlError alone; `doing` is what is attempted: `creating the fleet`. */
export async function classified<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw classifyAwsError(error, doing);
  }
}

/** True for codes that mean "just created, not everywhere known yet". Source: EC2 developer guide, "Eventual consistency". */
export function isEventualConsistency(error: unknown): boolean {
  const code = awsCodeOf(error) ?? '';
  if (code === 'InvalidParameterValue') return /iam instance profile/i.test(messageOf(error));
  return /^Invalid(LaunchTemplate(Id|Name)|InstanceID|Group|SecurityGroupID)\.(NotFound|VersionNotFound|NotFoundException)$/.test(
    code,
  );
}
