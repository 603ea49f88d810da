import { isLeaseHeld } from '@runctl/checkpoint';
import type { SaveEvent } from '@runctl/protocol/events';
import { command, newNonce, RunctlError } from '@runctl/core';
import { FORMAT_VERSION, controlDocument, encodeDocument, runKeys, timestampOf } from '@runctl/protocol';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { createRunReader } from '../run/run-reader.ts';
import { type AttemptRecord, attemptsOf, lastLaunch, type RunRecord } from '../run/run-record.ts';
import { hasEnded, stateOf } from '../run/run-state.ts';

export interface SaveResult {
  readonly durableStepBefore: number | null;
  readonly durableStep: number | null;
  /** When the script wrote it. */
  readonly savedAt: string | null;
  readonly step: number | null;
  /** Complete checkpoints that could not be made durable, with why. */
  readonly notDurable: readonly string[];
}

export interface SaveOptions {
  readonly run: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 1000;

/**
 * Asks the agent to make everything that the script has finished saving durable, and waits until it has. It does not make
 * the script save: no signal is sent, and the training goes on. Errors: `not-resumable` when nobody is
 * alive, `agent-unreachable` when the agent does not answer in time, `run-not-found`, StoreError.
 */
export async function* saveNow(ports: LaunchPorts, options: SaveOptions): AsyncGenerator<SaveEvent, SaveResult> {
  const { cloud, clock } = ports;
  const { run, timeoutMs, signal } = options;
  const reader = createRunReader({ store: cloud.store, run, clock });
  let record = await reader.read();
  const launch = assertAlive(record);
  const before = record.latest?.document.step ?? null;
  const nonce = await ask(ports, run, launch);
  const owner = record.lease?.document.owner ?? '';
  yield { type: 'asked', owner, step: newest(record, launch)?.status?.document.step ?? null, durableStep: before };
  const endMs = clock.monotonicMs() + timeoutMs;
  for (let shownBytes = -1; ;) {
    record = await reader.read();
    const status = newest(record, launch)?.status?.document;
    if (status?.savedFor?.nonce === nonce)
      return {
        durableStepBefore: before,
        durableStep: record.latest?.document.step ?? null,
        savedAt: status.durable?.savedAt ?? null,
        step: status.step,
        notDurable: status.savedFor.notDurable,
      };
    if (hasEnded(stateOf(record))) assertAlive(record);
    const uploads = status?.uploads ?? [];
    const sentBytes = uploads.reduce((sum, upload) => sum + upload.sentBytes, 0);
    if (uploads.length > 0 && sentBytes !== shownBytes)
      yield { type: 'uploading', sentBytes, sizeBytes: uploads.reduce((sum, upload) => sum + upload.sizeBytes, 0) };
    shownBytes = sentBytes;
    if (clock.monotonicMs() > endMs) throw noAnswer(run, record, timeoutMs);
    await clock.sleep(POLL_MS, signal);
  }
}

function newest(record: RunRecord, launch: number): AttemptRecord | undefined {
  return attemptsOf(record, launch).at(-1);
}

/** The launch to ask. */
function assertAlive(record: RunRecord): number {
  const launch = lastLaunch(record);
  const { run } = record.spec;
  const state = stateOf(record);
  if (launch === null || hasEnded(state))
    throw new RunctlError('not-resumable', `${run} does not run: nobody can be asked to save`, {
      hint: [command('checkpoint list', run), ' shows what is durable'],
    });
  if (!isLeaseHeld(record.lease))
    throw new RunctlError('agent-unreachable', `no machine works on ${run} now (${state.kind})`, {
      hint: [command('status', run), ' shows what is durable'],
    });
  return launch.launch;
}

function noAnswer(run: string, record: RunRecord, timeoutMs: number): RunctlError {
  const durable = record.latest?.document.step ?? null;
  return new RunctlError(
    'agent-unreachable',
    `the agent of ${run} has not said within ${Math.round(timeoutMs / 1000)} s that it is done; durable step ${durable ?? 'none'}`,
    { hint: ['it goes on with it: ', command('status', run), '; --timeout waits longer'] },
  );
}

async function ask({ cloud, clock, user }: LaunchPorts, run: string, launch: number): Promise<string> {
  const nowMs = clock.wallMs();
  const nonce = newNonce();
  const document = encodeDocument(controlDocument, {
    version: FORMAT_VERSION,
    action: 'checkpoint',
    args: { graceMs: null, budgetUsd: null },
    launch,
    at: timestampOf(nowMs),
    by: user,
    nonce,
  });
  await cloud.store.put(runKeys(run).control(nowMs, nonce), document);
  return nonce;
}
