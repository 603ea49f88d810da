import type { UploadEvent } from '@runctl/protocol/events';
import { assertNever, command, messageOf, newNonce, newRunId, RunctlError } from '@runctl/core';
import {
  FORMAT_VERSION,
  bucketKeys,
  indexDocument,
  runKeys,
  runSpec,
  scaledTiming,
  timestampOf,
  workloadLabel,
  type LaunchTools,
  type RunSpec,
  type Workload,
} from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import type { StartWords } from '@runctl/workspace';
import { createReadStream } from 'node:fs';
import { createDocument } from '../documents.ts';
import { validName } from '../run/resolve-run.ts';
import { runOfName, takeName } from './names.ts';
import type { LaunchPlan } from './launch-plan.ts';
import type { LaunchPorts } from './launch-ports.ts';
import { uploadIfAbsent, uploadTools, type Tools } from './tools.ts';

/**
 * Uploads what the run needs and writes the documents that make it one: specification, index, name. Nothing here costs
 * more than storage. Errors: `name-taken`; StoreError.
 */
export async function* createRun(
  ports: LaunchPorts,
  plan: LaunchPlan,
  tools: Tools,
): AsyncGenerator<
  UploadEvent,
  { readonly spec: RunSpec; readonly tools: LaunchTools; readonly undo: () => Promise<void> }
> {
  const { store } = ports.cloud;
  const uploaded = await uploadTools(store, tools);
  yield { type: 'uploaded', what: 'tools', sizeBytes: uploaded.uploadedBytes };
  const archiveKey = archiveKeyOf(plan);
  const archive = {
    sizeBytes: plan.snapshot.sizeBytes,
    body: { sizeBytes: plan.snapshot.sizeBytes, open: () => createReadStream(plan.snapshot.archivePath) },
  };
  yield { type: 'uploaded', what: 'project', sizeBytes: await uploadIfAbsent(store, archiveKey, archive) };
  const nowMs = ports.clock.wallMs();
  const spec = makeSpec(ports, plan, { run: newRunId(), nowMs, archiveKey });
  const written: string[] = [];
  const undo = (): Promise<void> => store.delete([...written].reverse());
  try {
    await writeRun(store, spec, written);
  } catch (error) {
    await undo().catch((problem: unknown) => {
      throw new RunctlError(
        'internal',
        `${messageOf(error)}; and ${written.join(', ')} could not be removed: ${messageOf(problem)}`,
      );
    });
    throw error;
  }
  return { spec, tools: uploaded.keys, undo };
}

/**
 * The order decides what a laptop that dies in between leaves: a run that is listed before anything of it can cost money, and
 * never a name without its run.
 */
async function writeRun(store: ObjectStore, spec: RunSpec, written: string[]): Promise<void> {
  const { run, name, createdAt } = spec;
  await createDocument(store, { key: runKeys(run).spec, schema: runSpec }, spec);
  written.push(runKeys(run).spec);
  written.push(await indexRun(store, spec));
  if (name === null) return;
  const key = bucketKeys.name(name);
  const document = { version: FORMAT_VERSION, run, createdAt, nonce: newNonce() } as const;
  if (!(await takeName(store, { key, document }))) throw nameTaken(name);
  written.push(key);
}

/** Lists a run, which may be listed already; returns the key. */
export async function indexRun(store: ObjectStore, spec: RunSpec): Promise<string> {
  const { run, name, createdAt } = spec;
  const key = bucketKeys.index(Date.parse(createdAt), run);
  const workload = workloadLabel(spec.workload);
  const document = { version: FORMAT_VERSION, run, name, workload, createdAt } as const;
  await createDocument(store, { key, schema: indexDocument }, document);
  return key;
}

function nameTaken(name: string): RunctlError {
  return new RunctlError('name-taken', `a run is already named ${name}`, {
    hint: [command('status', name), ' shows it; choose another --name'],
  });
}

/** Refuses a name before anything is uploaded for it. Errors: `usage`, `name-taken`. */
export async function checkName(store: ObjectStore, name: string | null): Promise<void> {
  if (name === null) return;
  if (!validName(name))
    throw new RunctlError('usage', `--name ${name} can't be used`, {
      hint: 'letters, digits, dot, dash and underscore, at most 63, beginning with a letter or digit, and not like a run id',
    });
  if ((await store.head(bucketKeys.name(name))) !== null && (await runOfName(store, name)) !== null)
    throw nameTaken(name);
}

/** Equal trees may be packed differently by other builds of zlib, so the archive's own hash is part of its name. */
function archiveKeyOf(plan: LaunchPlan): string {
  return `${bucketKeys.codeFolder(plan.snapshot.treeHash)}project-${plan.snapshot.sha256.slice(0, 16)}.tar.gz`;
}

function makeSpec(
  ports: LaunchPorts,
  plan: LaunchPlan,
  made: { run: string; nowMs: number; archiveKey: string },
): RunSpec {
  const { wish, snapshot, start } = plan;
  return {
    version: FORMAT_VERSION,
    run: made.run,
    name: wish.name,
    createdAt: timestampOf(made.nowMs),
    launchedBy: ports.user,
    nodes: 1,
    project: {
      name: start.project.name,
      treeHash: snapshot.treeHash,
      archiveKey: made.archiveKey,
      archiveSha256: snapshot.sha256,
      archiveSizeBytes: snapshot.sizeBytes,
    },
    workload: workloadOf(start.words, wish.env),
    ...(start.reasons.length === 0 ? {} : { reasons: [...start.reasons, snapshot.reason] }),
    checkpoint: wish.checkpoint,
    policy: wish.policy,
    timing: scaledTiming(wish.timeScale),
  };
}

/** A workload as the specification has it. */
export function workloadOf(words: StartWords, variables: Readonly<Record<string, string>>): Workload {
  const env = { ...variables };
  switch (words.kind) {
    case 'script':
      return { ...words, args: [...words.args], interpreter: [...words.interpreter], env };
    case 'module': {
      const { args, interpreter, importRoots } = words;
      return { ...words, args: [...args], interpreter: [...interpreter], importRoots: [...importRoots], env };
    }
    case 'command':
      return { ...words, command: [...words.command], env };
    default:
      return assertNever(words);
  }
}
