import type { CheckpointEvent, ProgressEvent, VerifiedEvent } from '@runctl/protocol/events';
import type { InspectedCheckpoint, PassedOver } from '@runctl/checkpoint';
import { formatBytes, formatDuration } from '@runctl/core';
import type { RunCheckpoint } from '@runctl/operations/checkpoint';
import { shownName, styles, type Styles } from './style.ts';
import { table } from './table.ts';
import { progressShower, type TransferViewOptions } from './transfer.ts';

interface Look {
  readonly nowMs: number;
  readonly colour: boolean;
}

function stateText(state: InspectedCheckpoint['state'], style: Styles): string {
  if (state === 'complete') return style.green('complete');
  return state === 'settling' ? style.yellow('not yet') : style.red('torn');
}

/** What the recognisers say of a folder, one line for each candidate and why. */
export function renderFolder(folder: string, found: readonly InspectedCheckpoint[], { nowMs, colour }: Look): string {
  if (found.length === 0) return `no checkpoint in ${folder}\n`;
  const style = styles(colour);
  const rows = found.map((each) => [
    shownName(each.entry),
    each.recogniser,
    each.step === null ? '-' : String(each.step),
    formatBytes(each.sizeBytes),
    formatDuration(Math.max(0, nowMs - each.savedAtMs)),
    stateText(each.state, style),
    shownName(each.why),
  ]);
  return table(['ENTRY', 'RECOGNISER', 'STEP', 'SIZE', 'SAVED', 'STATE', 'WHY'], rows);
}

/** What is part of no checkpoint, and why. */
export function renderPassedOver(found: readonly PassedOver[]): string {
  return found.map(({ path, why }) => `not kept: ${shownName(path)} ${shownName(why)}\n`).join('');
}

export function passedOverJson({ path, why }: PassedOver) {
  return { type: 'passed-over' as const, path, why };
}

export function folderJson(each: InspectedCheckpoint, withFiles = false): CheckpointEvent {
  const { entry, recogniser, step, sizeBytes, savedAtMs, state, why, files, companions } = each;
  const savedAt = new Date(savedAtMs).toISOString();
  const about = {
    type: 'checkpoint' as const,
    entry,
    recogniser,
    step,
    sizeBytes,
    fileCount: files.length,
    savedAt,
    state,
    why,
  };
  return withFiles
    ? { ...about, files: files.map(({ path, sizeBytes: bytes }) => ({ path, sizeBytes: bytes })), companions }
    : about;
}

export function renderFolderCheckpoint(each: InspectedCheckpoint, { nowMs, colour }: Look): string {
  const style = styles(colour);
  const lines = [
    style.bold(shownName(each.entry)),
    `  recogniser  ${each.recogniser}`,
    `  step        ${each.step ?? 'unknown'}`,
    `  saved       ${formatDuration(Math.max(0, nowMs - each.savedAtMs))} ago`,
    `  state       ${stateText(each.state, style)}: ${shownName(each.why)}`,
    ...(each.companions.length === 0 ? [] : [`  goes along  ${each.companions.map(shownName).join(', ')}`]),
  ];
  const rows = each.files.map((file) => [shownName(file.path), formatBytes(file.sizeBytes)]);
  return `${lines.join('\n')}\n\n${table(['FILE', 'SIZE'], rows)}`;
}

function sizeOf({ manifest }: RunCheckpoint): number {
  return manifest?.files.reduce((sum, file) => sum + file.sizeBytes, 0) ?? 0;
}

/** A run's checkpoints in the bucket, newest first. */
export function renderRun(run: string, found: readonly RunCheckpoint[], { nowMs, colour }: Look): string {
  if (found.length === 0) return `run ${run} has no checkpoint in the bucket\n`;
  const style = styles(colour);
  const rows = found.map((each) => [
    each.checkpoint,
    each.manifest === null ? '-' : String(each.manifest.step ?? '-'),
    each.manifest === null ? '-' : formatBytes(sizeOf(each)),
    each.manifest === null ? '-' : String(each.manifest.files.length),
    each.manifest === null ? '-' : formatDuration(Math.max(0, nowMs - Date.parse(each.manifest.savedAt))),
    each.manifest?.recogniser ?? '-',
    runStateText(each, style),
  ]);
  return table(['CHECKPOINT', 'STEP', 'SIZE', 'FILES', 'SAVED', 'RECOGNISER', 'STATE'], rows);
}

function runStateText({ state, latest }: RunCheckpoint, style: Styles): string {
  if (state === 'latest') return style.green('latest');
  if (state === 'unreadable') return style.red(latest ? 'latest, unreadable' : 'unreadable');
  return state === 'unknown' ? style.yellow('committed or not: unknown') : state;
}

export function runJson(run: string, each: RunCheckpoint, withFiles = false): CheckpointEvent {
  const { checkpoint, state, manifestKey, manifest, problem } = each;
  const named = { type: 'checkpoint' as const, run, checkpoint };
  if (manifest === null || state === 'unreadable')
    return { ...named, state: 'unreadable', manifest: manifestKey, problem };
  const { generation, seq, step, recogniser, entry, evidence, savedAt, at, nodes, files } = manifest;
  const full = {
    ...named,
    state,
    manifest: manifestKey,
    generation,
    seq,
    step,
    recogniser,
    entry,
    why: evidence,
    sizeBytes: sizeOf(each),
    fileCount: files.length,
    savedAt,
    at,
    nodes,
  };
  return withFiles
    ? { ...full, files: files.map(({ path, key, sizeBytes, sha256 }) => ({ path, key, sizeBytes, sha256 })) }
    : full;
}

export function renderRunCheckpoint(run: string, each: RunCheckpoint, { nowMs, colour }: Look): string {
  const style = styles(colour);
  const { manifest } = each;
  if (manifest === null) return `${run} ${each.checkpoint}: ${style.red('unreadable')}: ${each.problem}\n`;
  const lines = [
    `${style.bold(`${run} ${each.checkpoint}`)} (${each.state})`,
    `  step        ${manifest.step ?? 'unknown'}`,
    `  entry       ${shownName(manifest.entry)}`,
    `  recogniser  ${manifest.recogniser}`,
    `  why         ${manifest.evidence}`,
    `  saved       ${formatDuration(Math.max(0, nowMs - Date.parse(manifest.savedAt)))} ago, committed ${manifest.at}`,
    `  previous    ${manifest.previous ?? 'none'}`,
    `  manifest    ${each.manifestKey}`,
  ];
  const rows = manifest.files.map((file) => [
    shownName(file.path),
    formatBytes(file.sizeBytes),
    file.sha256,
    shownName(file.key),
  ]);
  return `${lines.join('\n')}\n\n${table(['FILE', 'SIZE', 'SHA-256', 'OBJECT'], rows)}`;
}

/** Whether the bytes of a checkpoint are as they were saved. */
function verifiedText({ checkpoint, fileCount, verifiedBytes, problems }: VerifiedEvent): string {
  if (problems.length > 0) return problems.map((problem) => `${checkpoint}: ${problem}`).join('\n');
  return `${checkpoint}: ${fileCount} files, ${formatBytes(verifiedBytes)}, as they were saved`;
}

export interface VerifyView {
  show(event: VerifiedEvent | ProgressEvent): void;
  end(): void;
  /** Names of checkpoints in which something does not hold, so far. */
  readonly damaged: readonly string[];
}

/** Shows a verification: how far it is to people, and each checkpoint by `print`. */
export function verifyView(
  options: Pick<TransferViewOptions, 'stderr' | 'interactive' | 'clock' | 'json'> & {
    readonly print: (event: VerifiedEvent, text: string) => void;
  },
): VerifyView {
  const shower = progressShower(options);
  const damaged: string[] = [];
  return {
    damaged,
    end: () => shower.clear(),
    show: (event) => {
      if (event.type === 'progress') return options.json ? undefined : shower.show(event);
      shower.clear();
      options.print(event, verifiedText(event));
      if (event.problems.length > 0) damaged.push(event.checkpoint);
    },
  };
}
