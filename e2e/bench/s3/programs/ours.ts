import { mkdir, rm } from 'node:fs/promises';
import { getToFile, listRemoteTree, moveTree, planTree, putFile, rulesOf, scanLocalTree } from '@runctl/store';
import { agentStore } from './store.ts';

// `ours.ts upload|download|upload-tree|download-tree <endpoint> <key> <path> <hashing> <at once>`: files as the agent moves
// them, folders as the commands do, in a process of its own.
const [operation = '', endpoint = '', key = '', path = '', hashing = 'both', atOnce = '8'] = process.argv.slice(2);
const { store, bucket } = agentStore(endpoint);
const options = { sha256: hashing !== 'crc32' };
if (operation === 'upload') tell(await putFile(store, key, path, options));
else if (operation === 'download') {
  await rm(path, { force: true });
  tell(await getToFile(store, key, path));
} else if (operation === 'upload-tree') await moveFolder('up');
else if (operation === 'download-tree') await moveFolder('down');
else throw new Error(`no operation ${operation}`);
bucket.close();

/** As `runctl s3 upload` and `download` do it: look at both sides, plan, move what is missing. */
async function moveFolder(direction: 'up' | 'down'): Promise<void> {
  if (direction === 'down') await mkdir(path, { recursive: true });
  const [here, there] = await Promise.all([
    scanLocalTree(path),
    listRemoteTree(store, key, direction === 'up' ? {} : { rules: await rulesOf(path) }),
  ]);
  const plan = planTree({ local: here.files, remote: there.files, direction, compared: new Map() });
  const { failed } = await moveTree(plan, {
    store,
    root: here.root,
    keyOf: (file) => key + file,
    remote: new Map(there.files.map((file) => [file.path, file])),
    concurrency: Number(atOnce),
    signal: new AbortController().signal,
  });
  if (failed.length > 0) throw new Error(`${failed.length} files failed, the first: ${String(failed[0]?.error)}`);
}

function tell(result: unknown): void {
  console.log(JSON.stringify(result, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
}
