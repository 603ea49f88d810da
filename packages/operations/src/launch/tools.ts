import { bucketKeys, type LaunchTools } from '@runctl/protocol';
import type { ObjectBody, ObjectStore } from '@runctl/store';
import { isStoreError } from '@runctl/store';

/** A file on this machine that instances fetch. */
export interface ToolFile {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly body: ObjectBody;
}

export interface Tools {
  readonly agent: ToolFile;
  /** Gzip'd Node binary; `sha256` is that of the compressed file. */
  readonly node: ToolFile & { readonly version: string; readonly os: string; readonly arch: string };
}

/** What machines will run the tools. */
export interface ToolTarget {
  readonly architecture: 'x64' | 'arm64';
  /** They are this computer, whatever its system is; else they have Linux. */
  readonly isLocal: boolean;
}

/**
 * Finds the agent's bundle and a Node binary for machines. Errors: `internal` when runctl was not built,
 * `config-missing` when there is no such binary here and none can be fetched.
 */
export type ToolFinder = (target: ToolTarget) => Promise<Tools>;

export interface UploadedTools {
  readonly keys: LaunchTools;
  readonly uploadedBytes: number;
}

/** Uploads what is not there yet. Keys name the content, so an object that is there is the right one. */
export async function uploadTools(store: ObjectStore, tools: Tools): Promise<UploadedTools> {
  const { agent, node } = tools;
  const agentKey = bucketKeys.agentTool(agent.sha256);
  const nodeKey = bucketKeys.nodeTool(node);
  const sizes = await Promise.all([uploadIfAbsent(store, agentKey, agent), uploadIfAbsent(store, nodeKey, node)]);
  return {
    keys: { agentKey, agentSha256: agent.sha256, nodeKey, nodeSha256: node.sha256 },
    uploadedBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** Bytes that were sent: 0 when the object was there. */
export async function uploadIfAbsent(
  store: ObjectStore,
  key: string,
  file: { readonly sizeBytes: number; readonly body: ObjectBody },
): Promise<number> {
  const there = await store.head(key);
  if (there !== null && there.sizeBytes === file.sizeBytes) return 0;
  try {
    await store.put(key, file.body, there === null ? { when: { absent: true } } : {});
  } catch (error) {
    // Somebody else uploaded the same bytes meanwhile.
    if (!isStoreError(error, 'precondition', 'conflict')) throw error;
  }
  return file.sizeBytes;
}
