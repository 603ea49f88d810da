import type { BigIntStats } from 'node:fs';
import type { BatchAnswer, Delivery, FileJob, FileOutcome, Stamp, StatLook } from './file-jobs.ts';

/** JavaScript that a worker runs to serve file jobs, one message a batch. It needs no module and no file. */
export function fileThreadProgram(): string {
  return `(${String(serveFileJobs)})((${String(fileReader)})(), (${String(fileWriter)})())`;
}

// The thread gets the text of the functions below and nothing else, so that it stands in every bundle as it is: each of
// them refers to nothing outside of itself.

interface FileReader {
  read(path: string, mostBytes: number): FileOutcome;
  stats(job: Extract<FileJob, { kind: 'stats' }>): FileOutcome;
  identity(path: string): FileOutcome;
}

type FileWriter = (delivery: Delivery) => FileOutcome;

function serveFileJobs(files: FileReader, deliver: FileWriter): void {
  const { parentPort } = process.getBuiltinModule('node:worker_threads');

  const perform = (job: FileJob): FileOutcome => {
    try {
      if (job.kind === 'read') return files.read(job.path, job.mostBytes);
      if (job.kind === 'deliver') return deliver(job.delivery);
      if (job.kind === 'stats') return files.stats(job);
      return files.identity(job.path);
    } catch (error) {
      // A copied error would lose its code.
      const details = Object.fromEntries(Object.entries(error as object));
      return { kind: 'failed', message: (error as Error).message, details };
    }
  };

  parentPort?.on('message', (jobs: readonly FileJob[]) => {
    const startedMs = performance.now();
    const blocksBefore = process.resourceUsage().fsRead;
    const outcomes = jobs.map(perform);
    const bytes = outcomes.flatMap((outcome) =>
      outcome.kind === 'read' && outcome.bytes !== null ? [outcome.bytes] : [],
    );
    const readDisk = process.resourceUsage().fsRead > blocksBefore;
    const answer: BatchAnswer = { outcomes, tookMs: performance.now() - startedMs, readDisk };
    parentPort.postMessage(
      answer,
      bytes.map(({ buffer }) => buffer as ArrayBuffer),
    );
  });
}

function fileReader(): FileReader {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const stampOf = ({ ino, size, mtimeNs }: BigIntStats): Stamp => [ino, size, mtimeNs];

  const read = (at: string, mostBytes: number): FileOutcome => {
    const file = fs.openSync(at, 'r');
    try {
      const stats = fs.fstatSync(file, { bigint: true });
      const before = stampOf(stats);
      if (stats.size > mostBytes) return { kind: 'read', before, after: before, bytes: null };
      const bytes = new Uint8Array(Number(stats.size));
      let filled = 0;
      for (let more = 1; more > 0 && filled < bytes.byteLength; filled += more)
        more = fs.readSync(file, bytes, filled, bytes.byteLength - filled, filled);
      const after = stampOf(fs.fstatSync(file, { bigint: true }));
      return { kind: 'read', before, after, bytes: filled === bytes.byteLength ? bytes : bytes.slice(0, filled) };
    } finally {
      fs.closeSync(file);
    }
  };

  const look = (at: string, follow: boolean): StatLook => {
    try {
      const stats = (follow ? fs.statSync : fs.lstatSync)(at, { throwIfNoEntry: false });
      return stats === undefined ? 'ENOENT' : [stats.mode, stats.size, stats.mtimeMs];
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  };

  return {
    read,
    stats: ({ folder, names, follow }) => ({
      kind: 'stats',
      looks: names.map((name) => look(path.join(folder, name), follow)),
    }),
    identity: (at) => {
      const stats = fs.statSync(at, { bigint: true, throwIfNoEntry: false });
      return { kind: 'identity', stamp: stats === undefined ? null : stampOf(stats) };
    },
  };
}

function fileWriter(): FileWriter {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');

  /** Never into a file, or through a link, that stands there already. */
  const writeAnew = (part: string, bytes: Uint8Array): void => {
    try {
      fs.writeFileSync(part, bytes, { flag: 'wx' });
    } catch (error) {
      // What a full disk left of it must not stay.
      fs.rmSync(part, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      fs.writeFileSync(part, bytes, { flag: 'wx' });
    }
  };

  return ({ bytes, target, root, part, journal, modifiedSeconds }: Delivery): FileOutcome => {
    const folder = path.dirname(target);
    fs.mkdirSync(folder, { recursive: true });
    const real = fs.realpathSync.native(folder);
    const isInside = real === root || real.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
    if (!isInside) return { kind: 'delivered', isInside };
    writeAnew(part, bytes);
    fs.utimesSync(part, modifiedSeconds, modifiedSeconds);
    fs.renameSync(part, target);
    if (fs.existsSync(journal)) fs.rmSync(journal, { force: true });
    return { kind: 'delivered', isInside };
  };
}
