import { type Bench, median, type Row } from './bench.ts';
import { type Clients, findClients } from './s3/clients.ts';
import { BenchFolder, safetensorsHeader } from './s3/files.ts';
import { spread } from './s3/interleaved.ts';
import { RunningProgram } from './s3/process.ts';
import { Sink } from './s3/sink.ts';
import { availableParallelism } from 'node:os';
import { open } from 'node:fs/promises';

const UPLOAD_BYTES_PER_SECOND = 300e6;
const WINDOW_MS = 10_000;
const SETTLE_MS = 2500;
const GOAL = 0.05;
/** As the agent is run: packages/provider/src/aws/boot/user-data.ts. */
const AGENT_NICE = 10;

interface Window {
  readonly rounds: number;
  readonly uploadedBytes: number;
}

export const bench: Bench = {
  name: 'interference',
  about: `work that a CPU-bound training gets done in ${WINDOW_MS / 1000} s while the agent (nice ${AGENT_NICE}) uploads at up to 300 MB/s, against the same without`,
  async run(progress, options) {
    await using folder = await BenchFolder.make(64 * 1024 ** 2);
    await using sink = await Sink.start(['nice', '-n', '19']);
    const clients = await findClients(sink, folder);
    const rows: Row[] = [];
    const raw: Record<string, unknown> = {};
    for (const processes of [1, availableParallelism()]) {
      const alone: Window[] = [];
      const beside: Window[] = [];
      for (let round = 1; round <= (options.rounds ?? 3); round++) {
        for (const uploading of [false, true, true, false]) {
          const window = await measure({ sink, clients, processes, uploading });
          (uploading ? beside : alone).push(window);
          progress(
            `${processes} training processes, ${uploading ? `upload ${(window.uploadedBytes / WINDOW_MS / 1000).toFixed(0)} MB/s` : 'no upload'}: ${window.rounds} rounds`,
          );
        }
      }
      rows.push(rowOf(processes, alone, beside));
      raw[`${processes} processes`] = { alone, beside };
    }
    return { rows, raw };
  },
};

function rowOf(processes: number, alone: readonly Window[], beside: readonly Window[]): Row {
  const work = (windows: readonly Window[]) => windows.map((window) => window.rounds);
  const slowdown = 1 - median(work(beside)) / median(work(alone));
  const rate = beside.map((window) => window.uploadedBytes / WINDOW_MS / 1000);
  return {
    what: `slowdown of a training of ${processes} busy process${processes === 1 ? '' : 'es'} on ${availableParallelism()} cores`,
    ours: `${(slowdown * 100).toFixed(1)} %, uploading at ${spread(rate, 0)} MB/s`,
    peer: `alone: ${spread(work(alone), 0)} rounds`,
    ratio: slowdown,
    goal: `≤ ${GOAL}`,
    met: slowdown <= GOAL,
  };
}

async function measure(given: {
  readonly sink: Sink;
  readonly clients: Clients;
  readonly processes: number;
  readonly uploading: boolean;
}): Promise<Window> {
  const { sink, clients, processes, uploading } = given;
  await sink.behave({ bytesPerSecond: UPLOAD_BYTES_PER_SECOND });
  await sink.reset();
  await using checkpoints = await BenchFolder.make(0);
  // Larger than can be sent in the window.
  await writeLarge(checkpoints.file('checkpoint-1.safetensors'));
  const publisher = uploading
    ? new RunningProgram(clients.program('publisher', [sink.https, checkpoints.path, '1']), [
        'nice',
        '-n',
        String(AGENT_NICE),
      ])
    : null;
  try {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    if (publisher !== null) await flowing(sink);
    const before = await sink.stats();
    const trainings = Array.from(
      { length: processes },
      () => new RunningProgram(clients.program('trainer', [String(WINDOW_MS)])),
    );
    const lines = await Promise.all(trainings.map((training) => training.line()));
    const uploadedBytes = (await sink.stats()).bytesIn - before.bytesIn;
    await Promise.all(trainings.map((training) => training.ended()));
    return {
      rounds: lines.reduce((sum, line) => sum + (JSON.parse(line) as { rounds: number }).rounds, 0),
      uploadedBytes,
    };
  } finally {
    await publisher?.[Symbol.asyncDispose]();
  }
}

async function flowing(sink: Sink): Promise<void> {
  for (let tries = 0; (await sink.stats()).bytesIn < 64e6; tries++) {
    if (tries > 300) throw new Error('the upload did not begin');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function writeLarge(path: string): Promise<void> {
  const sizeBytes = 16 * 1024 ** 3;
  const file = await open(path, 'w');
  try {
    await file.write(safetensorsHeader(sizeBytes));
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
