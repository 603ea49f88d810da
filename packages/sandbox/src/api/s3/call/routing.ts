import { S3Error } from '../../../model/s3/errors.ts';
import type { CallHeaders, Target } from './call.ts';

/** Sub-resources of a bucket that are only kept and given back; S3's operation is named after the verb and this. */
const bucketSettings = {
  accelerate: 'AccelerateConfiguration',
  acl: 'Acl',
  cors: 'Cors',
  encryption: 'Encryption',
  lifecycle: 'LifecycleConfiguration',
  logging: 'Logging',
  notification: 'NotificationConfiguration',
  'object-lock': 'ObjectLockConfiguration',
  ownershipControls: 'OwnershipControls',
  policy: 'Policy',
  policyStatus: 'PolicyStatus',
  publicAccessBlock: 'PublicAccessBlock',
  replication: 'Replication',
  requestPayment: 'RequestPayment',
  tagging: 'Tagging',
  versioning: 'Versioning',
  website: 'Website',
} as const;

export type BucketSetting = keyof typeof bucketSettings;

export type OperationName =
  | 'ListBuckets'
  | 'CreateBucket'
  | 'HeadBucket'
  | 'DeleteBucket'
  | 'GetBucketLocation'
  | 'GetBucketSetting'
  | 'PutBucketSetting'
  | 'DeleteBucketSetting'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'DeleteObjects'
  | 'PutObject'
  | 'CopyObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'GetObjectAttributes'
  | 'GetObjectTagging'
  | 'PutObjectTagging'
  | 'DeleteObjectTagging'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts';

export interface Route {
  readonly operation: OperationName;
  /** The name by which AWS knows the operation, also for bucket settings (`PutBucketVersioning`). */
  readonly publicName: string;
  readonly setting?: BucketSetting;
}

/** Decides which operation a request is. Throws MethodNotAllowed or NotImplemented. */
export function routeOf(target: Target, headers: CallHeaders): Route {
  const operation =
    target.key !== ''
      ? objectOperation(target, headers)
      : target.bucket === ''
        ? serviceOperation(target)
        : bucketOperation(target);
  return typeof operation === 'string' ? { operation, publicName: operation } : operation;
}

function serviceOperation({ method }: Target): OperationName {
  if (method === 'GET') return 'ListBuckets';
  throw new S3Error('MethodNotAllowed');
}

function bucketOperation(target: Target): OperationName | Route {
  const { method, query } = target;
  const setting = (Object.keys(bucketSettings) as BucketSetting[]).find((name) => query.has(name));
  if (setting !== undefined) return settingRoute(method, setting);
  if (method === 'GET') return bucketRead(query);
  if (method === 'HEAD') return 'HeadBucket';
  if (method === 'PUT' && !hasUnknownSubresource(query)) return 'CreateBucket';
  if (method === 'DELETE' && !hasUnknownSubresource(query)) return 'DeleteBucket';
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
  throw new S3Error(method === 'POST' ? 'MethodNotAllowed' : 'NotImplemented');
}

function bucketRead(query: Target['query']): OperationName {
  if (query.has('location')) return 'GetBucketLocation';
  if (query.has('uploads')) return 'ListMultipartUploads';
  if (query.has('versions')) return 'ListObjectVersions';
  if (query.get('list-type') === '2') return 'ListObjectsV2';
  if (hasUnknownSubresource(query)) throw new S3Error('NotImplemented');
  return 'ListObjects';
}

/** Sub-resources are parameters without a value; a deletion meant for one must not hit the bucket. */
function hasUnknownSubresource(query: Target['query']): boolean {
  return [...query].some(([name, value]) => value === '' && !['prefix', 'delimiter', 'marker'].includes(name));
}

function settingRoute(method: string, setting: BucketSetting): Route {
  const named = bucketSettings[setting];
  // The two that AWS does not call "bucket".
  const name = setting === 'publicAccessBlock' || setting === 'object-lock' ? named : `Bucket${named}`;
  if (method === 'GET') return { operation: 'GetBucketSetting', publicName: `Get${name}`, setting };
  if (method === 'PUT') return { operation: 'PutBucketSetting', publicName: `Put${name}`, setting };
  if (method === 'DELETE')
    return { operation: 'DeleteBucketSetting', publicName: `Delete${name.replace('Configuration', '')}`, setting };
  throw new S3Error('MethodNotAllowed');
}

/** Headers that ask for what is not modelled and whose silent neglect would lose data or a promise. */
const unmodelledHeaders = [
  'x-amz-copy-source-server-side-encryption-customer-algorithm',
  'x-amz-object-lock-legal-hold',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-rename-source',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-write-offset-bytes',
];

function objectOperation(target: Target, headers: CallHeaders): OperationName {
  const { method, query } = target;
  const unmodelled = unmodelledHeaders.find((name) => headers[name] !== undefined);
  if (unmodelled !== undefined) throw new S3Error('NotImplemented', { fields: { Header: unmodelled } });
  for (const name of ['acl', 'legal-hold', 'retention', 'torrent', 'restore', 'select'])
    if (query.has(name)) throw new S3Error('NotImplemented');
  if (query.has('tagging')) return taggingOperation(method);
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  const inUpload = query.has('uploadId');
  switch (method) {
    case 'GET':
      if (query.has('attributes')) return 'GetObjectAttributes';
      return inUpload ? 'ListParts' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      if (inUpload) return isCopy ? 'UploadPartCopy' : 'UploadPart';
      return isCopy ? 'CopyObject' : 'PutObject';
    case 'DELETE':
      return inUpload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      if (inUpload) return 'CompleteMultipartUpload';
      throw new S3Error('MethodNotAllowed');
    default:
      throw new S3Error('MethodNotAllowed');
  }
}

function taggingOperation(method: string): OperationName {
  if (method === 'GET') return 'GetObjectTagging';
  if (method === 'PUT') return 'PutObjectTagging';
  if (method === 'DELETE') return 'DeleteObjectTagging';
  throw new S3Error('MethodNotAllowed');
}
