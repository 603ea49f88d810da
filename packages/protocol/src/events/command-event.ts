import * as z from 'zod';
import { accountEvents } from './account-events.ts';
import { bucketEvents } from './bucket-events.ts';
import { checkpointEvents } from './checkpoint-events.ts';
import { drillEvents } from './drill-events.ts';
import { followEvents } from './follow-events.ts';
import { launchEvents } from './launch-events.ts';
import { logEvents } from './log-events.ts';
import { sandboxEvents } from './sandbox-events.ts';
import type { Shown } from './shown.ts';
import { statusEvents } from './status-events.ts';
import { stopEvents } from './stop-events.ts';
import { transferEvents } from './transfer-events.ts';

/**
 * All that commands show. Each line that `--json` prints on stdout is one of these, and each event that an operation yields
 * is one. A type has one shape, whichever command shows it.
 */
export const commandEvent = z.discriminatedUnion('type', [
  ...accountEvents,
  ...bucketEvents,
  ...checkpointEvents,
  ...drillEvents,
  ...followEvents,
  ...launchEvents,
  ...logEvents,
  ...sandboxEvents,
  ...statusEvents,
  ...stopEvents,
  ...transferEvents,
]);
export type CommandEvent = Shown<z.output<typeof commandEvent>>;

/** What `--json` prints on stderr when a command fails; details of the error stand beside these. */
export const errorEvent = z.looseObject({
  type: z.literal('error'),
  /** A code of the error catalog. */
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  exitCode: z.number(),
});
