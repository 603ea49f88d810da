import type { Candidate } from '../contract/recogniser.ts';
import { manifestChain } from './manifest-chain.ts';
import type { BucketAccess } from './commit.ts';
import { isSave } from '../look/plan.ts';

/**
 * Whether a checkpoint of the run is the save that these files are of, as far as step and time tell. Asked of a lower step
 * with a later time than the durable one: a script that starts over saves what never was. Rejects as the store does.
 */
export async function wasDurable(candidate: Candidate, access: BucketAccess): Promise<boolean> {
  for await (const { manifest } of (await manifestChain(access)).links)
    if (manifest !== null && isSave(candidate, { step: manifest.step, savedAtMs: Date.parse(manifest.savedAt) }))
      return true;
  return false;
}
