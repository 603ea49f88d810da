import * as z from 'zod';
import { generation, nonce, sealed, timestamp, versioned } from '../codec.ts';
import { runId } from '../run-id.ts';
import { manifestFile } from './manifest.ts';

/** A file of the output folder as the bucket has it. Its path is relative to that folder. */
export const keptFile = manifestFile.extend({
  /** Its time of writing by the machine's clock, in milliseconds since 1970: with the size, what tells that it has not changed. */
  modifiedMs: z.number(),
});
export type KeptFile = z.output<typeof keptFile>;

/**
 * `output/index.json`: the run's output folder as it was kept last. Compare-and-set, and never by a generation below the one
 * that it bears. What it does not name is not kept.
 */
export const keptOutput = sealed(
  versioned.extend({
    run: runId,
    generation,
    nonce,
    at: timestamp,
    files: z.array(keptFile),
    /** Objects that it named before, since when it does not: deleted an hour later, since somebody may be downloading them. */
    superseded: z.array(z.object({ key: z.string().min(1), since: timestamp })),
  }),
);
export type KeptOutput = z.output<typeof keptOutput>;
