import { xmlDate, type VerifiedCall, type S3Reply } from '../call/call.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { parseRequestXml, renderXml, textOf } from '../call/xml.ts';
import { ownerOf } from './owner.ts';

export function listBuckets(call: VerifiedCall): S3Reply {
  const prefix = call.query.get('prefix') ?? '';
  const buckets = call.buckets.all().filter(({ name }) => name.startsWith(prefix));
  return {
    status: 200,
    body: renderXml('ListAllMyBucketsResult', {
      Owner: ownerOf(),
      Buckets: {
        Bucket: buckets.map((bucket) => ({
          Name: bucket.name,
          CreationDate: xmlDate(bucket.createdMs),
          BucketRegion: bucket.location || call.region,
        })),
      },
    }),
  };
}

/** Names by S3's rules for general purpose buckets; they also become folder names, so nothing else may pass. */
function isValidName(name: string): boolean {
  const shape = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name);
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(name);
  // A dot separates labels of a host name, and none begins or ends with a hyphen.
  return (
    shape && !isAddress && !/\.\.|\.-|-\./.test(name) && !/^(?:xn--|sthree-)|(?:-s3alias|--ol-s3|--x-s3)$/.test(name)
  );
}

export async function createBucket(call: VerifiedCall): Promise<S3Reply> {
  if (!isValidName(call.bucket)) throw new S3Error('InvalidBucketName', { fields: { BucketName: call.bucket } });
  const text = await call.body.text();
  const location =
    text.trim() === '' ? '' : (textOf(parseRequestXml(text, 'CreateBucketConfiguration'), 'LocationConstraint') ?? '');
  if (call.buckets.find(call.bucket) !== undefined) {
    // us-east-1 alone treats creating one's own bucket again as success, for old clients' sake.
    if (call.region === 'us-east-1') return { status: 200, headers: { location: `/${call.bucket}` } };
    throw new S3Error('BucketAlreadyOwnedByYou', { fields: { BucketName: call.bucket } });
  }
  call.buckets.create(call.bucket, { createdMs: call.nowMs(), location });
  return { status: 200, headers: { location: `/${call.bucket}` } };
}

export function headBucket(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  return {
    status: 200,
    headers: { 'x-amz-bucket-region': bucket.location || call.region, 'x-amz-access-point-alias': 'false' },
  };
}

export function deleteBucket(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  if (!bucket.isEmpty) throw new S3Error('BucketNotEmpty', { fields: { BucketName: bucket.name } });
  call.buckets.remove(bucket);
  return { status: 204 };
}

export function getBucketLocation(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  const location = bucket.location || call.region;
  return { status: 200, body: renderXml('LocationConstraint', location === 'us-east-1' ? '' : location) };
}
