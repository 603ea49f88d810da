/**
 * The only place that builds or parses keys. All are relative to the bucket's prefix, which a store decorator adds.
 * The layout is written down in FORMAT.md.
 */

const pad = (value: number, width: number): string => String(value).padStart(width, '0');
const GENERATION_WIDTH = 6;
const SEQUENCE_WIDTH = 8;
const OFFSET_WIDTH = 15;
const MILLISECONDS_WIDTH = 15;
const NODE_WIDTH = 4;
/** Ends in the year 33658; until then a later time sorts before an earlier one. */
const LAST_MS = 10 ** MILLISECONDS_WIDTH - 1;

export const generationName = (generation: number): string => pad(generation, GENERATION_WIDTH);

/** `<generation>-<sequence>`: the order of checkpoints. */
export interface CheckpointOrder {
  readonly generation: number;
  readonly seq: number;
}

const orderName = ({ generation, seq }: CheckpointOrder): string =>
  `${generationName(generation)}-${pad(seq, SEQUENCE_WIDTH)}`;

/** Negative when `a` comes before `b`. */
export function compareOrder(a: CheckpointOrder, b: CheckpointOrder): number {
  return a.generation - b.generation || a.seq - b.seq;
}

export const bucketKeys = {
  agentTool: (sha256: string): string => `tools/agent-${sha256}.mjs`,
  nodeTool: (tool: { version: string; os: string; arch: string; sha256: string }): string =>
    `tools/node-${tool.version}-${tool.os}-${tool.arch}-${tool.sha256}.gz`,
  codeFolder: (treeHash: string): string => `code/${treeHash}/`,
  indexFolder: (): string => 'index/',
  index: (createdMs: number, run: string): string => `index/${pad(LAST_MS - createdMs, MILLISECONDS_WIDTH)}-${run}`,
  name: (name: string): string => `names/${name}`,
  namesFolder: (): string => 'names/',
  runsFolder: (): string => 'runs/',
  /** Written and deleted again by who looks whether the bucket can be written to. */
  probe: (nonce: string): string => `probes/${nonce}`,
};

function attemptKeys(folder: string) {
  return {
    started: `${folder}started.json`,
    notice: `${folder}notice.json`,
    drained: `${folder}drained.json`,
    outcome: `${folder}outcome.json`,
    status: `${folder}status.json`,
    eventsFolder: `${folder}events/`,
    event: (number: number): string => `${folder}events/${pad(number, 6)}.json`,
  };
}

/** Keys of one run. */
export function runKeys(run: string) {
  const root = `runs/${run}/`;
  const attempt = (generation: number, node: number): string =>
    `${root}attempts/${generationName(generation)}/${pad(node, NODE_WIDTH)}/`;
  return {
    root,
    spec: `${root}spec.json`,
    summary: `${root}summary.json`,
    projectFolder: `${root}project/`,
    project: (revision: number): string => `${root}project/${pad(revision, 4)}.json`,
    lease: `${root}lease.json`,
    latest: `${root}latest.json`,
    launchesFolder: `${root}launches/`,
    launch: (launch: number) => ({
      intent: `${root}launches/${pad(launch, 4)}/intent.json`,
      machines: `${root}launches/${pad(launch, 4)}/machines.json`,
      outcome: `${root}launches/${pad(launch, 4)}/outcome.json`,
    }),
    attemptsFolder: `${root}attempts/`,
    attempt: (generation: number, node: number) => attemptKeys(attempt(generation, node)),
    waitingFolder: `${root}waiting/`,
    waiting: (machineId: string): string => `${root}waiting/${machineId}.json`,
    dataFolder: (order: CheckpointOrder, nonce: string): string => `${root}data/${orderName(order)}-${nonce}/`,
    dataRoot: `${root}data/`,
    manifestsFolder: `${root}manifests/`,
    manifest: (order: CheckpointOrder): string => `${root}manifests/${orderName(order)}.json`,
    shardsFolder: `${root}shards/`,
    shardRoundFolder: (order: CheckpointOrder, nonce: string): string => `${root}shards/${orderName(order)}-${nonce}/`,
    shardRound: (order: CheckpointOrder, nonce: string): string =>
      `${root}shards/${orderName(order)}-${nonce}/round.json`,
    shard: (order: CheckpointOrder, nonce: string, node: number): string =>
      `${root}shards/${orderName(order)}-${nonce}/${pad(node, NODE_WIDTH)}.json`,
    readingFolder: `${root}reading/`,
    reading: (order: CheckpointOrder, nonce: string): string => `${root}reading/${orderName(order)}-${nonce}.json`,
    logsFolder: `${root}logs/`,
    logChunk: (generation: number, node: number, offset: number): string =>
      `${root}logs/${generationName(generation)}/${pad(node, NODE_WIDTH)}/${pad(offset, OFFSET_WIDTH)}.log.gz`,
    logFolder: (generation: number, node: number): string =>
      `${root}logs/${generationName(generation)}/${pad(node, NODE_WIDTH)}/`,
    metricsChunk: (generation: number, node: number, seq: number): string =>
      `${root}metrics/${generationName(generation)}/${pad(node, NODE_WIDTH)}/${pad(seq, SEQUENCE_WIDTH)}.ndjson`,
    controlFolder: `${root}control/`,
    control: (ms: number, nonce: string): string => `${root}control/${pad(ms, MILLISECONDS_WIDTH)}-${nonce}.json`,
    bootFolder: `${root}boot/`,
    boot: (launch: number, machineId: string): string => `${root}boot/${pad(launch, 4)}-${machineId}.json`,
    /** The folder that the workload asked to keep. */
    outputFolder: `${root}output/`,
    outputIndex: `${root}output/index.json`,
    outputDataFolder: (generation: number, nonce: string): string =>
      `${root}output/${generationName(generation)}-${nonce}/`,
    /** A packed environment. */
    environment: (key: string): string => `${root}env/${key}`,
    /** A container image without a registry. */
    imageFolder: (digest: string): string => `${root}image/${digest.replace(':', '-')}/`,
    seat: (seat: number): string => `${root}nodes/${pad(seat, NODE_WIDTH)}.json`,
    roster: (generation: number): string => `${root}gangs/${generationName(generation)}.json`,
    rosterEnd: (generation: number): string => `${root}gangs/${generationName(generation)}-end.json`,
    replica: (machineId: string): string => `${root}replicas/${machineId}.json`,
  };
}

export type RunKeys = ReturnType<typeof runKeys>;

/** Keys of one batch: many runs on few machines. */
export function batchKeys(batch: string) {
  const root = `batches/${batch}/`;
  return {
    root,
    spec: `${root}spec.json`,
    task: (task: number): string => `${root}tasks/${pad(task, SEQUENCE_WIDTH)}.json`,
    workerFolder: (slot: number): string => `${root}workers/${pad(slot, NODE_WIDTH)}/`,
    rungFolder: (rung: number): string => `${root}rungs/${pad(rung, NODE_WIDTH)}/`,
    outcome: `${root}outcome.json`,
  };
}

/** The run and creation time in an index key, or null when it is none. */
export function parseIndexKey(key: string): { readonly run: string; readonly createdMs: number } | null {
  const match = /^index\/(\d{15})-(r-[a-z2-7]{10})$/.exec(key);
  return match === null ? null : { createdMs: LAST_MS - Number(match[1]), run: String(match[2]) };
}

export function parseManifestKey(key: string): CheckpointOrder | null {
  const match = /\/manifests\/(\d+)-(\d+)\.json$/.exec(key);
  return match === null ? null : { generation: Number(match[1]), seq: Number(match[2]) };
}

/** The checkpoint whose bytes lie in a data folder, from the folder's key or that of an object in it. */
export function parseDataKey(key: string): (CheckpointOrder & { readonly folder: string }) | null {
  const match = /^(.*\/data\/(\d+)-(\d+)-[a-z2-7]+\/)/.exec(key);
  return match === null ? null : { folder: String(match[1]), generation: Number(match[2]), seq: Number(match[3]) };
}

/** The generation that sent an object of the output folder, from the object's key; null of the index. */
export function parseOutputKey(key: string): { readonly generation: number } | null {
  const match = /\/output\/(\d+)-[a-z2-7]+\//.exec(key);
  return match === null ? null : { generation: Number(match[1]) };
}

/** The round that a key below `shards/` belongs to, and the node whose answer it is (null for the round itself). */
export function parseShardKey(
  key: string,
): (CheckpointOrder & { readonly nonce: string; readonly folder: string; readonly node: number | null }) | null {
  const match = /^(.*\/shards\/(\d+)-(\d+)-([a-z2-7]+)\/)(?:round|(\d+))\.json$/.exec(key);
  if (match === null) return null;
  const [, folder, generation, seq, nonce, node] = match;
  return {
    folder: String(folder),
    generation: Number(generation),
    seq: Number(seq),
    nonce: String(nonce),
    node: node === undefined ? null : Number(node),
  };
}

/** The checkpoint that a mark of a reader is about. */
export function parseReadingKey(key: string): CheckpointOrder | null {
  const match = /\/reading\/(\d+)-(\d+)-[a-z2-7]+\.json$/.exec(key);
  return match === null ? null : { generation: Number(match[1]), seq: Number(match[2]) };
}

export function parseLogKey(
  key: string,
): { readonly generation: number; readonly node: number; readonly offset: number } | null {
  const match = /\/logs\/(\d+)\/(\d+)\/(\d+)\.log\.gz$/.exec(key);
  return match === null ? null : { generation: Number(match[1]), node: Number(match[2]), offset: Number(match[3]) };
}

export function parseAttemptKey(
  key: string,
): { readonly generation: number; readonly node: number; readonly document: string } | null {
  const match = /\/attempts\/(\d+)\/(\d+)\/([a-z]+)\.json$/.exec(key);
  return match === null ? null : { generation: Number(match[1]), node: Number(match[2]), document: String(match[3]) };
}

/** Parses the key of a life's event. */
export function parseLifeEventKey(
  key: string,
): { readonly generation: number; readonly node: number; readonly number: number } | null {
  const match = /\/attempts\/(\d+)\/(\d+)\/events\/(\d+)\.json$/.exec(key);
  return match === null ? null : { generation: Number(match[1]), node: Number(match[2]), number: Number(match[3]) };
}

export function parseLaunchKey(key: string): { readonly launch: number; readonly document: string } | null {
  const match = /\/launches\/(\d+)\/([a-z]+)\.json$/.exec(key);
  return match === null ? null : { launch: Number(match[1]), document: String(match[2]) };
}
