/*
 * Makes what a script saves durable in the bucket, and brings it back. Each folder imports only those before it, type
 * imports included.
 *
 *   contract/   ports and plain data that several folders share: files as a look finds them, candidates, recogniser, publisher, restore
 *   formats/    what the bytes of one file say about its being whole
 *   look/       one folder as it is: scan, what several looks have shown of each file, and whether a candidate is complete
 *   recognise/  which files belong together, framework by framework
 *   ledger/     what the bucket holds of a run: pointer, manifests, numbers, rounds of several machines, retention
 *   upload/     bytes on their way into the bucket, while files grow and when they are complete; builds on ledger/
 *   publish/    the stages of a pass: choose, judge, upload, commit; publisher.ts drives them
 *   restore/    the latest checkpoint, back into a folder
 *   output/     one folder more that a run keeps: sent as it changes, and back
 *   shards/     runs of several machines: who commits and who delivers
 *   inspect/    looks for people: at a local folder, and at what the bucket holds
 *   lease/      who may publish; independent of the others
 */

export * from './lease/lease-keeper.ts';
export * from './lease/lease-machine.ts';
export { LeaseLook } from './lease/lease-look.ts';
export * from './lease/lease-memory.ts';
export { isLeaseHeld } from './lease/lease-document.ts';
export { type HeldForErrand, type LeaseErrand, whileHoldingLease } from './lease/while-holding.ts';
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
export { isSideFile } from './look/names.ts';
export { openWritersFor, writesBelow } from './look/open-writers.ts';
export * from './contract/recogniser.ts';
export { recognisers } from './recognise/recognisers.ts';
export type { PassedOver } from './contract/passed-over.ts';
export { firstToRestore, type FirstToRestore } from './restore/first-to-restore.ts';
export { setTornAside } from './restore/place.ts';
export { prefetchLatest, restoreLatest, settlePrefetched } from './restore/restore.ts';
export * from './contract/restore-port.ts';
export * from './contract/output-port.ts';
export { elsewhereText, isPassedOver, type WrittenFile } from './output/written-elsewhere.ts';
export { fetchOutput, type FetchOutputOptions, type FetchedOutput } from './output/fetch-output.ts';
export { readOutput } from './output/index-document.ts';
export { openOutputFolder } from './output/keep-output.ts';
export { PublishingRefused } from './ledger/commit.ts';
export { createPublisher } from './shards/create-publisher.ts';
export { listCheckpoints, type ListedCheckpoint, verifyCheckpoint, type VerifyReport } from './inspect/verify.ts';
