import { command, RunctlError } from '@runctl/core';
import type { TransferPlace } from './place.ts';

/** The error for two places between which nothing can be moved. */
export function notTransferable(from: TransferPlace, to: TransferPlace): RunctlError {
  if (from.kind === 'bucket' && to.kind === 'bucket')
    return new RunctlError('usage', `${from.bucket} and ${to.bucket} are different buckets`, {
      hint: ['fetch it first (', command('s3 download'), '), then send it (', command('s3 upload'), ')'],
    });
  if (from.kind === 'folder' && to.kind === 'folder')
    return new RunctlError('usage', `${from.text} and ${to.text} are both on this computer`, {
      hint: 'one of them must be s3://bucket/folder',
    });
  return new RunctlError('usage', 'files of an instance are not reached by transfer yet', {
    hint: ['go by way of the bucket: ', command('s3 upload'), ' here, and `aws s3 cp` there'],
  });
}
