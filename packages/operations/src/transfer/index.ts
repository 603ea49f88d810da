export { gatherDownload, gatherSync, gatherUpload } from './gather.ts';
export { keepInStep } from './keep-in-step.ts';
export {
  anyPlace,
  bucketPlace,
  folderPlace,
  folderPrefix,
  type BucketPlace,
  type FolderPlace,
  type TransferPlace,
} from './place.ts';
export { incomplete, wordsOf } from './problems.ts';
export type { TransferProgress } from './progress-meter.ts';
export { notTransferable } from './refusal.ts';
export { checkSync, syncPasses } from './sync.ts';
export { transfer } from './transfer.ts';
