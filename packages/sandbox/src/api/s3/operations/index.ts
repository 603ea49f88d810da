import type { Operation } from '../call/call.ts';
import { required } from '@runctl/core';
import type { OperationName, Route } from '../call/routing.ts';
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from './bucket.ts';
import { deleteBucketSetting, getBucketSetting, putBucketSetting } from './bucket-settings.ts';
import { completeMultipartUpload } from './complete-multipart.ts';
import { copyObject } from './copy-object.ts';
import { deleteObject, deleteListedObjects } from './delete-object.ts';
import { getObject, getObjectAttributes, headObject } from './get-object.ts';
import { listMultipartUploads } from './list-uploads.ts';
import { listObjectVersions } from './list-versions.ts';
import { listObjects, listObjectsV2 } from './lists.ts';
import { abortMultipartUpload, createMultipartUpload, listParts, uploadPart, uploadPartCopy } from './multipart.ts';
import { putObject } from './put-object.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './tagging.ts';

type PlainName = Exclude<OperationName, 'GetBucketSetting' | 'PutBucketSetting' | 'DeleteBucketSetting'>;

const plain: Record<PlainName, Operation> = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: headBucket,
  DeleteBucket: deleteBucket,
  GetBucketLocation: getBucketLocation,
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  ListObjectVersions: listObjectVersions,
  ListMultipartUploads: listMultipartUploads,
  DeleteObjects: deleteListedObjects,
  PutObject: putObject,
  CopyObject: copyObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  GetObjectAttributes: getObjectAttributes,
  GetObjectTagging: getObjectTagging,
  PutObjectTagging: putObjectTagging,
  DeleteObjectTagging: deleteObjectTagging,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
};

/** The function that performs a route. */
export function operationFor(route: Route): Operation {
  const setting = () => required(route.setting, 'the setting of the route');
  switch (route.operation) {
    case 'GetBucketSetting':
      return (call) => getBucketSetting(call, setting());
    case 'PutBucketSetting':
      return (call) => putBucketSetting(call, setting());
    case 'DeleteBucketSetting':
      return (call) => deleteBucketSetting(call, setting());
    default:
      return plain[route.operation];
  }
}
