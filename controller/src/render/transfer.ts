import type { CommandEvent, TransferEvent, TransferResult } from '@runctl/protocol/events';
import { formatBytes, formatDuration, type Clock } from '@runctl/core';
import type { TreeAction } from '@runctl/store';
import type { Writable } from 'node:stream';
import type { TransferProgress } from '@runctl/operations/transfer';
import { jsonLine } from './json-line.ts';
import { shownName, styles } from './style.ts';

/** Shows a transfer: news on stderr, results on stdout. */
export interface TransferView {
  show(event: TransferEvent): void;
  /** The last line, or object. */
  ended(result: TransferResult, what: { readonly from: string; readonly to: string; readonly dryRun: boolean }): void;
}

export interface TransferViewOptions {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly colour: boolean;
  /** Somebody watches: one line is written over and over. */
  readonly interactive: boolean;
  readonly clock: Clock;
}

export function createTransferView(options: TransferViewOptions): TransferView {
  return options.json ? jsonView(options) : humanView(options);
}

const QUIET_PROGRESS_MS = 10_000;
const CLEAR_LINE = `\r${String.fromCharCode(27)}[K`;

function humanView(options: TransferViewOptions): TransferView {
  const { stdout, stderr, verbose } = options;
  const style = styles(options.colour);
  const shower = progressShower(options);
  const say = (text: string): void => {
    shower.clear();
    stderr.write(`${text}\n`);
  };
  return {
    show: (event) => {
      if (event.type === 'progress') return shower.show(event);
      if (event.type === 'refused')
        return say(`${style.yellow('refused')} ${shownName(event.path)}: ${shownName(event.why)}`);
      if (event.type === 'skipped')
        return say(`${style.dim('left out')} ${shownName(event.path)}: ${shownName(event.why)}`);
      if (event.type === 'comparing' && event.bytes > 0)
        return say(`comparing ${counted(event.files, 'file')} of equal size (${formatBytes(event.bytes)})`);
      if (event.type === 'file' && verbose) say(actionLine(event, false));
    },
    ended: (result, what) => {
      for (const { path, error } of result.failed) say(`${style.red('failed')} ${shownName(path)}: ${error}`);
      shower.clear();
      if (what.dryRun)
        for (const action of result.plan) if (action.kind !== 'keep') stdout.write(`${actionLine(action, true)}\n`);
      stdout.write(`${resultLine(result, what)}\n`);
    },
  };
}

export interface ProgressShower {
  show(progress: TransferProgress): void;
  /** Takes the line away, so that something else can be written. */
  clear(): void;
}

/** Progress on stderr: one line over and over for somebody who watches, else a line every ten seconds. */
export function progressShower(options: Pick<TransferViewOptions, 'stderr' | 'interactive' | 'clock'>): ProgressShower {
  const { stderr, interactive, clock } = options;
  let shownMs = clock.monotonicMs();
  let midLine = false;
  return {
    show: (progress) => {
      if (interactive) {
        stderr.write(`${CLEAR_LINE}${progressLine(progress)}`);
        midLine = true;
      } else if (clock.monotonicMs() - shownMs >= QUIET_PROGRESS_MS) {
        shownMs = clock.monotonicMs();
        stderr.write(`${progressLine(progress)}\n`);
      }
    },
    clear: () => {
      if (midLine) stderr.write(CLEAR_LINE);
      midLine = false;
    },
  };
}

const words = {
  upload: 'send',
  download: 'fetch',
  keep: 'keep',
  'delete-local': 'delete here',
  'delete-remote': 'delete in the bucket',
  conflict: 'conflict',
} as const;

function actionLine({ kind, path, sizeBytes, why }: TreeAction, withWhy: boolean): string {
  return `${words[kind]} ${shownName(path)} (${formatBytes(sizeBytes)})${withWhy ? `: ${why}` : ''}`;
}

/** `12 of 40 files, 1.2 GiB of 4.0 GiB, 210.0 MiB/s, 13 s left` */
export function progressLine(progress: TransferProgress): string {
  const { doneFiles, totalFiles, doneBytes, totalBytes, bytesPerSecond, leftMs } = progress;
  const rate = bytesPerSecond === null ? '' : `, ${formatBytes(Math.round(bytesPerSecond))}/s`;
  const left = leftMs === null || doneBytes >= totalBytes ? '' : `, ${formatDuration(leftMs)} left`;
  const files = totalFiles === 0 ? '' : `${doneFiles} of ${counted(totalFiles, 'file')}, `;
  return `${files}${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}${left}`;
}

function resultLine(
  result: TransferResult,
  { from, to, dryRun }: { from: string; to: string; dryRun: boolean },
): string {
  const { plan, moved, movedBytes, knownBytes, tookMs } = result;
  const kept = plan.filter((action) => action.kind === 'keep').length;
  const keptWords = kept === 0 ? '' : `, ${counted(kept, 'file')} the same already`;
  if (dryRun) {
    const moving = plan.filter(({ kind }) => kind === 'upload' || kind === 'download');
    const bytes = moving.reduce((sum, action) => sum + action.sizeBytes, 0);
    const deleted = plan.filter(({ kind }) => kind.startsWith('delete')).length;
    const deletedWords = deleted === 0 ? '' : `, ${counted(deleted, 'deletion')}`;
    return `would move ${counted(moving.length, 'file')} (${formatBytes(bytes)}) from ${from} to ${to}${deletedWords}${keptWords}; nothing was changed`;
  }
  const through = moved.filter(({ kind }) => !kind.startsWith('delete')).length;
  const deleted = moved.length - through;
  const known = knownBytes === 0 ? '' : `, ${formatBytes(knownBytes)} were there from an earlier try`;
  const deletedWords = deleted === 0 ? '' : `, ${counted(deleted, 'file')} deleted`;
  const blind = moved.filter((file) => file.verified === 'length' && file.sizeBytes > 0).length;
  const unverified =
    blind === 0 ? '' : `; ${counted(blind, 'object')} had no checksum, so only the length was verified`;
  return `${counted(through, 'file')} (${formatBytes(movedBytes)}) from ${from} to ${to} in ${formatDuration(tookMs)}${known}${keptWords}${deletedWords}${unverified}`;
}

export function counted(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

function jsonView({ stdout }: TransferViewOptions): TransferView {
  const print = (event: CommandEvent): void => void stdout.write(jsonLine(event));
  return {
    show: (event) => {
      if (event.type !== 'comparing') print(event);
    },
    ended: (result, what) => {
      const { plan, failed, moved, movedBytes, knownBytes, tookMs, refused, skipped } = result;
      if (what.dryRun) for (const action of plan) print({ type: 'planned', ...action });
      for (const each of failed) print({ type: 'failed', ...each });
      const of = (kind: string): number => moved.filter((each) => each.kind === kind).length;
      print({
        type: 'transferred',
        ...what,
        uploaded: of('upload'),
        downloaded: of('download'),
        deleted: of('delete-local') + of('delete-remote'),
        kept: plan.filter((action) => action.kind === 'keep').length,
        conflicts: plan.filter((action) => action.kind === 'conflict').length,
        failed: failed.length,
        refused: refused.length,
        skipped: skipped.length,
        unverified: moved.filter((file) => file.verified === 'length' && file.sizeBytes > 0).length,
        movedBytes,
        knownBytes,
        tookMs: Math.round(tookMs),
      });
    },
  };
}
