import type { VerifiedCall, S3Reply } from '../call/call.ts';
import { S3Error, type S3ErrorCode } from '../../../model/s3/errors.ts';
import type { BucketSetting } from '../call/routing.ts';
import { assertXml, childrenOf, parseRequestXml, renderXml, textOf } from '../call/xml.ts';
import { ownerOf } from './owner.ts';

/** The answer of a bucket without the setting: an error, or the document that every new bucket has. */
const defaults: Record<BucketSetting, S3ErrorCode | (() => string)> = {
  accelerate: () => renderXml('AccelerateConfiguration', ''),
  acl: () =>
    renderXml('AccessControlPolicy', {
      Owner: ownerOf(),
      AccessControlList: { Grant: { Grantee: ownerOf(), Permission: 'FULL_CONTROL' } },
    }),
  cors: 'NoSuchCORSConfiguration',
  encryption: () =>
    renderXml('ServerSideEncryptionConfiguration', {
      Rule: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false },
    }),
  lifecycle: 'NoSuchLifecycleConfiguration',
  logging: () => renderXml('BucketLoggingStatus', ''),
  notification: () => renderXml('NotificationConfiguration', ''),
  'object-lock': 'ObjectLockConfigurationNotFoundError',
  ownershipControls: () => renderXml('OwnershipControls', { Rule: { ObjectOwnership: 'BucketOwnerEnforced' } }),
  policy: 'NoSuchBucketPolicy',
  policyStatus: 'NoSuchBucketPolicy',
  publicAccessBlock: () =>
    renderXml('PublicAccessBlockConfiguration', {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    }),
  replication: 'ReplicationConfigurationNotFoundError',
  requestPayment: () => renderXml('RequestPaymentConfiguration', { Payer: 'BucketOwner' }),
  tagging: 'NoSuchTagSet',
  versioning: () => renderXml('VersioningConfiguration', ''),
  website: 'NoSuchWebsiteConfiguration',
};

/** After a deletion the two that new buckets have from the start answer an error, as S3 does. */
const afterDeletion: Partial<Record<BucketSetting, S3ErrorCode>> = {
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  ownershipControls: 'OwnershipControlsNotFoundError',
};
const DELETED = '';

export function getBucketSetting(call: VerifiedCall, setting: BucketSetting): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  const stored = bucket.settings.get(setting);
  const fallback = stored === DELETED ? (afterDeletion[setting] ?? defaults[setting]) : defaults[setting];
  if (stored !== undefined && stored !== DELETED)
    return { status: 200, ...bodyOf(setting, setting === 'versioning' ? versioningXml(stored) : stored) };
  if (typeof fallback === 'string') throw new S3Error(fallback, { fields: { BucketName: bucket.name } });
  return { status: 200, ...bodyOf(setting, fallback()) };
}

function bodyOf(setting: BucketSetting, body: string): Pick<S3Reply, 'body' | 'headers'> {
  return setting === 'policy' ? { body, headers: { 'content-type': 'application/json' } } : { body };
}

function versioningXml(status: string): string {
  return renderXml('VersioningConfiguration', { Status: status });
}

export async function putBucketSetting(call: VerifiedCall, setting: BucketSetting): Promise<S3Reply> {
  const bucket = call.buckets.get(call.bucket);
  const text = await call.body.text();
  if (setting === 'policyStatus') throw new S3Error('MethodNotAllowed');
  const value = setting === 'versioning' ? versioningStatus(text) : text;
  if (setting === 'policy') assertJson(text);
  else if (setting !== 'acl') assertXml(text);
  if (setting === 'lifecycle') checkLifecycle(text);
  bucket.commit({ type: 'setting', name: setting, value });
  return { status: setting === 'policy' ? 204 : 200 };
}

/** One bare prefix makes all of them rules of the older form, which have no filter, and whose prefixes must not overlap. */
function checkLifecycle(text: string): void {
  const rules = childrenOf(parseRequestXml(text, 'LifecycleConfiguration'), 'Rule');
  if (!rules.some((rule) => rule['Prefix'] !== undefined)) return;
  if (rules.some((rule) => rule['Filter'] !== undefined))
    throw new S3Error('InvalidRequest', { message: 'Filter element can only be used in Lifecycle V2.' });
  const aborted = rules.filter((rule) => rule['AbortIncompleteMultipartUpload'] !== undefined);
  const prefixes = aborted.map((rule) => textOf(rule, 'Prefix') ?? '').toSorted();
  for (const [index, prefix] of prefixes.slice(1).entries())
    if (prefix.startsWith(prefixes[index] ?? ''))
      throw new S3Error('InvalidRequest', {
        message: `Found overlapping prefixes '${prefixes[index]}' and '${prefix}' for same action type 'AbortIncompleteMultipartUpload'`,
      });
}

function versioningStatus(text: string): string {
  const status = textOf(parseRequestXml(text, 'VersioningConfiguration'), 'Status')?.trim();
  if (status === 'Enabled' || status === 'Suspended') return status;
  throw new S3Error('IllegalVersioningConfigurationException');
}

function assertJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new S3Error('MalformedPolicy');
  }
}

export function deleteBucketSetting(call: VerifiedCall, setting: BucketSetting): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  // Versioning can be suspended but never taken away.
  if (['versioning', 'acl', 'policyStatus', 'requestPayment', 'logging'].includes(setting))
    throw new S3Error('MethodNotAllowed');
  const value = setting in afterDeletion ? DELETED : null;
  bucket.commit({ type: 'setting', name: setting, value });
  return { status: 204 };
}
