import { type Log, messageOf } from '@runctl/core';
import { watch } from 'chokidar';

export interface WatchFolderOptions {
  readonly onChange: () => void;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Calls back with every change below the folder, which must exist. A watch that breaks is only a slower look: passes come anyway. */
export type WatchFolder = (folder: string, options: WatchFolderOptions) => void;

export const watchFolder: WatchFolder = (folder, { onChange, signal, log }) => {
  if (signal.aborted) return;
  const broken = (error: unknown): void =>
    log.warn({ error: messageOf(error) }, 'the checkpoint folder could not be watched');
  const watcher = watch(folder, { ignoreInitial: true, followSymlinks: false });
  watcher.on('all', onChange);
  watcher.on('error', broken);
  signal.addEventListener('abort', () => void watcher.close().catch(() => {}), { once: true });
};
