import type { CommandEvent } from '@runctl/protocol/events';
import { formatBytes, formatDuration } from '@runctl/core';
import type { FirstToRestore } from '@runctl/checkpoint';
import type { KeptOutput } from '@runctl/protocol';
import type { Pulled, PulledOutput } from '@runctl/operations/checkpoint';
import { counted } from './transfer.ts';

interface ShownPull {
  readonly event: CommandEvent;
  readonly text: string;
  readonly warnings: readonly string[];
}

/** What a pull would bring. */
export function wouldPull({ manifest, manifestKey, warnings }: FirstToRestore, folder: string): ShownPull {
  const { step } = manifest;
  const bytes = bytesOf(manifest.files);
  const files = manifest.files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 }));
  const lines = files.map(({ path, sizeBytes }) => `${formatBytes(sizeBytes).padStart(10)}  ${path}`);
  const what = `${counted(files.length, 'file')}, ${formatBytes(bytes)}`;
  return {
    event: { type: 'would-pull', manifest: manifestKey, step, folder, bytes, files, warnings },
    text: [...lines, `would bring step ${step ?? 'unknown'}: ${what}, to ${folder}; nothing was changed`].join('\n'),
    warnings,
  };
}

/** What a pull has brought. */
export function pulled(
  result: Pulled,
  from: { readonly run: string; readonly store: { readonly location: string } },
): ShownPull {
  const { manifest, manifestKey, entryPath, warnings, rejected } = result;
  const { step } = manifest;
  const { run, store } = from;
  const bytes = bytesOf(manifest.files);
  const tookMs = Math.round(result.tookMs);
  const what = `${counted(manifest.files.length, 'file')}, ${formatBytes(bytes)}, verified, in ${formatDuration(result.tookMs)}`;
  return {
    event: { type: 'pulled', run, manifest: manifestKey, step, entryPath, bytes, warnings, rejected, tookMs },
    text: `step ${step ?? 'unknown'} of ${run} from ${store.location}: ${what}\n${entryPath}`,
    warnings,
  };
}

/** What a pull of the output folder would bring. */
export function wouldPullOutput(output: KeptOutput, folder: string): ShownPull {
  const { run, at } = output;
  const files = outputFiles(output);
  const bytes = bytesOf(files);
  const lines = files.map(({ path, sizeBytes }) => `${formatBytes(sizeBytes).padStart(10)}  ${path}`);
  const what = `${counted(files.length, 'file')}, ${formatBytes(bytes)}`;
  return {
    event: { type: 'would-pull-output', run, folder, at, bytes, files },
    text: [...lines, `would bring the output of ${run}: ${what}, to ${folder}; nothing was changed`].join('\n'),
    warnings: [],
  };
}

/** What a pull of the output folder has brought. */
export function pulledOutput(result: PulledOutput, store: { readonly location: string }): ShownPull {
  const { folder, output, warnings } = result;
  const { run, at } = output;
  const files = outputFiles(output);
  const bytes = bytesOf(files);
  const tookMs = Math.round(result.tookMs);
  const what = `${counted(files.length, 'file')}, ${formatBytes(bytes)}, verified, in ${formatDuration(result.tookMs)}`;
  return {
    event: { type: 'pulled-output', run, folder, at, bytes, files, warnings, tookMs },
    text: `output of ${run} from ${store.location}, kept ${at}: ${what}\n${folder}`,
    warnings,
  };
}

function outputFiles({ files }: KeptOutput) {
  return files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 }));
}

const bytesOf = (files: readonly { readonly sizeBytes: number }[]): number =>
  files.reduce((sum, file) => sum + file.sizeBytes, 0);
