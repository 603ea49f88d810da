import { readFile } from 'node:fs/promises';
import * as z from 'zod';

const moment = { step: z.number(), attempt: z.number(), at: z.number() };
/** Path below the checkpoint folder → hash of the content in the manifests' form. */
const hashes = z.record(z.string(), z.string());

const announcement = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('saving'), ...moment, files: hashes }),
  z.object({ kind: z.literal('saved'), ...moment, files: hashes }),
  z.object({ kind: z.literal('failed'), ...moment, error: z.string() }),
  z.object({ kind: z.literal('resumed'), ...moment, whole: z.boolean() }),
]);
export type Announcement = z.output<typeof announcement>;

/** What `saver.py` said itself, in its own order, kept where no kill reaches; times are the host's wall clock. */
export async function announcements(path: string): Promise<readonly Announcement[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => announcement.parse(JSON.parse(line)));
}

export const ofKind = <K extends Announcement['kind']>(
  all: readonly Announcement[],
  kind: K,
): readonly Extract<Announcement, { kind: K }>[] =>
  all.filter((each): each is Extract<Announcement, { kind: K }> => each.kind === kind);
