import { createReadStream, createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

// `sdk.ts upload|download <endpoint> <key> <path>`: the same with the AWS SDK's own means and their defaults.
const [operation = '', endpoint = '', key = '', path = ''] = process.argv.slice(2);
const client = new S3Client({
  endpoint,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' },
});
if (operation === 'upload')
  await new Upload({ client, params: { Bucket: 'b', Key: key, Body: createReadStream(path) } }).done();
else if (operation === 'download') {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: 'b', Key: key }));
  await pipeline(Body as Readable, createWriteStream(path));
} else throw new Error(`no operation ${operation}`);
client.destroy();
