import { rm } from 'node:fs/promises';
import { getToFile, type Hashing, putFile } from '@runctl/store';
import { agentStore } from './store.ts';

// `ours.ts upload|download <endpoint> <key> <path> <hashing>`: one file, as the agent moves it, in a process of its own.
const [operation = '', endpoint = '', key = '', path = '', hashing = 'both'] = process.argv.slice(2);
const { store, bucket } = agentStore(endpoint);
const options = { hashing: hashing as Hashing };
if (operation === 'upload') tell(await putFile(store, key, path, options));
else if (operation === 'download') {
  await rm(path, { force: true });
  tell(await getToFile(store, key, path, options));
} else throw new Error(`no operation ${operation}`);
bucket.close();

function tell(result: unknown): void {
  console.log(JSON.stringify(result, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
}
