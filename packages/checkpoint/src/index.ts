export * from './lease/lease-keeper.ts';
export * from './lease/lease-machine.ts';
export * from './lease/lease-memory.ts';
export * from './lease/lease-passes.ts';
export type { Publishing } from './ledger/commit.ts';
export {
  cleanUpOlderGenerations,
  type CleanUpReport,
  judgeRetention,
  prune,
  type PruneReport,
} from './ledger/prune.ts';
export * from './contract/publisher-port.ts';
export type { JournalEntry, UploadJournal } from './contract/upload-journal.ts';
export { fileUploadJournal, resumable } from './upload/upload-journal.ts';
export * from './inspect/inspect-folder.ts';
export { openWritersFor } from './look/open-writers.ts';
export * from './contract/recogniser.ts';
export { recognisers } from './recognise/recognisers.ts';
export type { PassedOver } from './contract/passed-over.ts';
export { firstToRestore, type FirstToRestore } from './restore/first-to-restore.ts';
export { setTornAside } from './restore/place.ts';
export { prefetchLatest, restoreLatest, settlePrefetched } from './restore/restore.ts';
export * from './contract/restore-port.ts';
export { createPublisher } from './shards/create-publisher.ts';
export { listCheckpoints, type ListedCheckpoint, verifyCheckpoint, type VerifyReport } from './inspect/verify.ts';
