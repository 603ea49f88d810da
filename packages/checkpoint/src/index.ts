export * from './lease/lease-keeper.ts';
export * from './lease/lease-machine.ts';
export * from './lease/lease-memory.ts';
export * from './lease/lease-passes.ts';
export type { Publishing } from './publish/commit.ts';
export {
  cleanUpOlderGenerations,
  type CleanUpReport,
  judgeRetention,
  prune,
  type PruneReport,
} from './publish/prune.ts';
export * from './publish/publisher-port.ts';
export type { JournalEntry, UploadJournal } from './contract/upload-journal.ts';
export { fileUploadJournal, resumable } from './publish/uploads/upload-journal.ts';
export * from './recognise/inspect-folder.ts';
export { openWritersFor } from './recognise/open-writers.ts';
export * from './recognise/recogniser.ts';
export { recognisers } from './recognise/recognisers.ts';
export type { PassedOver } from './contract/passed-over.ts';
export { firstToRestore, type FirstToRestore } from './restore/first-to-restore.ts';
export { setTornAside } from './restore/place.ts';
export { prefetchLatest, restoreLatest, settlePrefetched } from './restore/restore.ts';
export * from './restore/restore-port.ts';
export { createPublisher } from './shards/create-publisher.ts';
export { listCheckpoints, type ListedCheckpoint, verifyCheckpoint, type VerifyReport } from './restore/verify.ts';
