import { systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { describeObjectStore } from '../conformance.ts';
import { DirectoryStore } from './directory-store.ts';

describeObjectStore('the directory store', async () => {
  const folder = await temporaryFolder('runctl-store');
  return {
    store: new DirectoryStore({ root: folder.path, clock: systemClock, sync: false }),
    close: async () => folder[Symbol.asyncDispose](),
  };
});
