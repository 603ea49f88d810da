import { createPassLoop, runCheckpoints, watchFolder } from '@runctl/agent/checkpoints';
import { openWritersFor } from '@runctl/checkpoint';
import { silentLog, systemClock } from '@runctl/core';
import { defaultRetention, defaultTiming } from '@runctl/protocol';
import { Lanes } from '@runctl/store';
import { agentStore } from './store.ts';

// `publisher.ts <endpoint> <folder> <count> <nice>`: the agent's checkpoint engine over a folder, with a real run's periods.
// Says when each checkpoint was committed (epoch ms) and ends after `count` of them, or with its standard input.
const [endpoint = '', folder = '', count = '1'] = process.argv.slice(2);
const { store, bucket } = agentStore(endpoint);
const { settleMs } = defaultTiming;
const open = runCheckpoints({
  store,
  run: 'r-benchbench',
  clock: systemClock,
  log: silentLog,
  account: { name: 'bench', home: folder, switchTo: null },
  openWriters: openWritersFor(process.platform),
  watch: watchFolder,
  lanes: new Lanes({ clock: systemClock }),
  // Beside the folder: what stands in it is taken for a checkpoint.
  paths: { uploads: `${folder}.uploads`, rejected: `${folder}.rejected` },
});
const checkpoints = open({
  folder,
  settleMs,
  node: 0,
  nodes: 1,
  mayPublish: () => ({ generation: 1 }),
  progressStep: () => null,
  progressMetrics: () => ({}),
  keep: defaultRetention,
});
const stop = new AbortController();
let left = Number(count);
const loop = createPassLoop({
  checkpoints,
  clock: systemClock,
  log: silentLog,
  settleMs,
  leaseTrouble: () => null,
  refusedMs: Number.POSITIVE_INFINITY,
  onPass: ({ published, error }) => {
    if (error !== null) console.error(error);
    if (published === null) return;
    console.log(JSON.stringify({ committedAtMs: Date.now(), manifest: published }));
    if (--left === 0) stop.abort();
  },
});
console.log('ready');
await loop.run({ loop: stop.signal, pass: stop.signal });
bucket.close();
process.exit(0);
