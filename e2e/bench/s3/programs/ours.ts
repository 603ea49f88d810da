import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { getToFile, inParallel, putFile } from '@runctl/store';
import { agentStore } from './store.ts';

// `ours.ts upload|download|upload-tree|download-tree <endpoint> <key> <path> <hashing> <at once>`: files as the agent moves
// them, in a process of its own.
const [operation = '', endpoint = '', key = '', path = '', hashing = 'both', atOnce = '8'] = process.argv.slice(2);
const { store, bucket } = agentStore(endpoint);
const options = { sha256: hashing !== 'crc32' };
const concurrency = Number(atOnce);
if (operation === 'upload') tell(await putFile(store, key, path, options));
else if (operation === 'download') {
  await rm(path, { force: true });
  tell(await getToFile(store, key, path));
} else if (operation === 'upload-tree') {
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  await inParallel(names, { concurrency }, async (entry) => {
    const file = join(entry.parentPath, entry.name);
    await putFile(store, key + file.slice(path.length + 1), file, options);
  });
} else if (operation === 'download-tree') {
  const folders = new Set<string>();
  await inParallel(store.list({ prefix: key }), { concurrency }, async (info) => {
    const file = join(path, info.key.slice(key.length));
    if (!folders.has(dirname(file))) await mkdir(dirname(file), { recursive: true });
    folders.add(dirname(file));
    await getToFile(store, info.key, file, { info });
  });
} else throw new Error(`no operation ${operation}`);
bucket.close();

function tell(result: unknown): void {
  console.log(JSON.stringify(result, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
}
