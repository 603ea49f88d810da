import { mkdir, realpath, rm } from 'node:fs/promises';
import { filesAt, getToFile, listRemoteTree, moveTree, planTree, putFile, rulesOf, scanLocalTree } from '@runctl/store';
import { agentStore } from './store.ts';

// `ours.ts upload|download|upload-tree|download-tree <endpoint> <key> <path> <hashing> <at once>`: files as the agent moves
// them, folders as the commands do, in a process of its own.
const [operation = '', endpoint = '', key = '', path = '', hashing = 'both', atOnce = '8'] = process.argv.slice(2);
const { store, bucket } = agentStore(endpoint);
const options = { sha256: hashing !== 'crc32' };
if (operation === 'upload') tell(await putFile(store, { key, path, ...options }));
else if (operation === 'download') {
  await rm(path, { force: true });
  tell(await getToFile(store, { key, path }));
} else if (operation === 'upload-tree') await moveFolder('up');
else if (operation === 'download-tree') await moveFolder('down');
else throw new Error(`no operation ${operation}`);
bucket.close();

/** As `runctl s3 upload` and `download` do it: look at both sides, plan, move what is missing. */
async function moveFolder(direction: 'up' | 'down'): Promise<void> {
  const isDown = direction === 'down';
  if (isDown) await mkdir(path, { recursive: true });
  const { files: remote } = await listRemoteTree(store, key, isDown ? { rules: await rulesOf(path) } : {});
  const paths = remote.map((file) => file.path);
  const local = isDown ? await filesAt(path, paths) : (await scanLocalTree(path)).files;
  const plan = planTree({ local, remote, direction, compared: new Map() });
  const { failed } = await moveTree(plan, {
    store,
    root: await realpath(path),
    keyOf: (file) => key + file,
    remote: new Map(remote.map((file) => [file.path, file])),
    concurrency: Number(atOnce),
    signal: new AbortController().signal,
  });
  if (failed.length > 0) throw new Error(`${failed.length} files failed, the first: ${String(failed[0]?.error)}`);
}

function tell(result: unknown): void {
  console.log(JSON.stringify(result, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
}
