import { limited, prefixed, retrying } from '@runctl/store';
import { systemClock } from '@runctl/core';
import { describeObjectStore } from '@runctl/store/conformance';
import { S3World } from '../support/s3-service.ts';

describeObjectStore('S3', async () => {
  const world = await S3World.start();
  return { store: world.store(), close: () => world[Symbol.asyncDispose]() };
});

describeObjectStore('S3 behind every decorator', async () => {
  const world = await S3World.start();
  const store = prefixed(limited(retrying(world.store(), { clock: systemClock }), 4), 'some/prefix');
  return { store, close: () => world[Symbol.asyncDispose]() };
});
