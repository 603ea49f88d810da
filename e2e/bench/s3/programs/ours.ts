import { rm } from 'node:fs/promises';
import { getToFile, putFile } from '@runctl/store';
import { agentStore } from './store.ts';

// `ours.ts upload|download <endpoint> <key> <path> …`: what the agent does with one file, in a process of its own.
const [operation = '', endpoint = '', key = '', path = ''] = process.argv.slice(2);
const { store, bucket } = agentStore(endpoint);
if (operation === 'upload') console.log(JSON.stringify(await putFile(store, key, path), bigints));
else if (operation === 'download') {
  await rm(path, { force: true });
  console.log(JSON.stringify(await getToFile(store, key, path), bigints));
} else throw new Error(`no operation ${operation}`);
bucket.close();

function bigints(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
