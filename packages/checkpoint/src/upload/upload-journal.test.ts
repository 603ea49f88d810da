import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { JournalEntry } from '../contract/upload-journal.ts';
import { fileUploadJournal, resumable } from './upload-journal.ts';

const upload = { key: 'runs/r/data/1-1-a/model.bin', uploadId: 'u1' };
const file = { inode: '1:2', path: 'model.bin', folder: 'runs/r/data/1-1-a/', partSizeBytes: 8 };
const part = (partNumber: number, etag = 'e') => ({ partNumber, sizeBytes: 8, etag, crc32: 'c', sha256: 's' });
const entries: readonly JournalEntry[] = [
  { type: 'place', place: { generation: 1, seq: 1, folder: file.folder, step: null } },
  { type: 'opened', upload, file },
  { type: 'sent', uploadId: 'u1', part: part(1) },
  { type: 'sent', uploadId: 'u1', part: part(2) },
  { type: 'sent', uploadId: 'u1', part: part(1, 'again') },
];
const failing = (error: unknown): void => {
  throw error;
};

test('what was appended is there for the next agent, but for a line that the crash cut off', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'state', 'uploads.ndjson');
  const journal = fileUploadJournal(path, failing);
  expect(await journal.read()).toEqual([]);
  for (const entry of entries) await journal.append(entry);
  await appendFile(path, '\n{"type":"sent","uploadId":"u1","par');
  const next = fileUploadJournal(path, failing);
  expect(await next.read()).toEqual(entries);
  expect(resumable(await next.read()).uploads).toEqual([{ upload, file, parts: [part(1, 'again'), part(2)] }]);
});

test('entries behind a line that was cut off still count', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'uploads.ndjson');
  await writeFile(path, '{"type":"op');
  const journal = fileUploadJournal(path, failing);
  await journal.append(entries[0] as JournalEntry);
  await journal.append(entries[1] as JournalEntry);
  expect(await journal.read()).toEqual(entries.slice(0, 2));
});

test('an upload that was closed is nothing to go on with', () => {
  expect(resumable([...entries, { type: 'closed', uploadId: 'u1' }]).uploads).toEqual([]);
});

test('is replaced as a whole, and a disk that does not take it is told of and fails nobody', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'uploads.ndjson');
  const journal = fileUploadJournal(path, failing);
  for (const entry of entries) await journal.append(entry);
  await journal.replace(entries.slice(0, 2));
  expect(await journal.read()).toEqual(entries.slice(0, 2));
  await writeFile(join(folder.path, 'no-folder'), '');
  const failures: unknown[] = [];
  const broken = fileUploadJournal(join(folder.path, 'no-folder', 'x'), (error) => failures.push(error));
  await broken.append(entries[0] as JournalEntry);
  expect(failures).toHaveLength(1);
  expect(await readFile(path, 'utf8')).toContain('"type":"opened"');
});
