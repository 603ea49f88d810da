import { rename, rm } from 'node:fs/promises';
import { type Bench, median, type Row } from './bench.ts';
import { type Clients, findClients } from './s3/clients.ts';
import { BenchFolder } from './s3/files.ts';
import { spread } from './s3/interleaved.ts';
import { type Command, measured } from './s3/measured.ts';
import { RunningProgram } from './s3/process.ts';
import { NOT_INSTALLED } from './s3/rows.ts';
import { Sink } from './s3/sink.ts';

const WRITE_BYTES_PER_SECOND = 250e6;
const FIRST_BYTES = 16 * 1024 ** 2;
/** Other bytes than any measured one has. */
const FIRST_ROUND = 1000;

/** Of one save, ms. */
interface Save {
  /** Last byte written → last byte in the store. */
  readonly tailMs: number;
  /** Last byte written → committed: for a plain copy, the end of the upload. */
  readonly commitMs: number;
  /** First byte written → all bytes in the store. */
  readonly wholeMs: number;
}

export const bench: Bench = {
  name: 'tail-upload',
  about:
    'a checkpoint after the first, written at 250 MB/s: how long after its last byte it is in S3, against an upload that starts when it is closed',
  async run(progress, options) {
    const sizeMiB = options.sizeMiB ?? 2048;
    const rounds = options.rounds ?? 3;
    const sizeBytes = sizeMiB * 1024 ** 2;
    await using folder = await BenchFolder.make(sizeBytes * 2);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const peers = peersOf(clients);
    const saves = new Map<string, Save[]>([['ours', []], ...peers.map(([name]) => [name, [] as Save[]] as const)]);
    const writesAloneMs: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const [name, command] of [['ours', null] as const, ...peers]) {
        const place = { sink, clients, sizeBytes, round };
        if (command === null) writesAloneMs.push(await writeAlone(place));
        const save = command === null ? await ourSave(place) : await theirSave(place, command);
        saves.get(name)?.push(save);
        progress(
          `round ${round}, ${name}: ${Object.entries(save)
            .map(([what, ms]) => `${what} ${Math.round(ms as number)}`)
            .join(', ')}`,
        );
      }
    }
    const ours = saves.get('ours') ?? [];
    const alone = { name: 'the write alone', values: writesAloneMs };
    const compare = (what: string, goal: number, figure: (save: Save) => number): Row =>
      rowOf(`${what}, ${sizeMiB} MiB`, goal, {
        ours: ours.map(figure),
        peers: peers.map(([name]) => ({ name, values: (saves.get(name) ?? []).map(figure) })),
      });
    return {
      rows: [
        compare('last byte written → all bytes in S3', 0.05, (save) => save.tailMs),
        compare('last byte written → committed', 0.25, (save) => save.commitMs),
        rowOf(`write + upload, ${sizeMiB} MiB`, 1.02, { ours: ours.map((save) => save.wholeMs), peers: [alone] }),
      ],
      raw: { sizeBytes, writesAloneMs, saves: Object.fromEntries(saves) },
    };
  },
};

function peersOf({ crt, rclone }: Clients): [string, (path: string) => Command][] {
  const peers: [string, (path: string) => Command][] = [];
  if (crt !== null) peers.push([crt.version, (path) => crt.command(['cp', path, 's3://b/file', '--no-progress'])]);
  if (rclone !== null)
    peers.push([
      rclone.version,
      (path) => rclone.command(['copyto', '--s3-upload-concurrency', '8', path, 'sink:b/file']),
    ]);
  return peers;
}

/** The best of the peers, by its median. */
function rowOf(
  what: string,
  goal: number,
  figures: {
    readonly ours: readonly number[];
    readonly peers: readonly { readonly name: string; readonly values: readonly number[] }[];
  },
): Row {
  const seconds = (values: readonly number[]) => `${spread(values.map((ms) => ms / 1000))} s`;
  const [best] = figures.peers.toSorted((a, b) => median(a.values) - median(b.values));
  const ratio = best === undefined ? null : median(figures.ours) / median(best.values);
  return {
    what,
    ours: seconds(figures.ours),
    peer:
      best === undefined ? `AWS CLI v2 with CRT, rclone: ${NOT_INSTALLED}` : `${best.name}: ${seconds(best.values)}`,
    ratio,
    goal: `≤ ${goal}`,
    met: ratio !== null && ratio <= goal,
  };
}

interface Place {
  readonly sink: Sink;
  readonly clients: Clients;
  readonly sizeBytes: number;
  readonly round: number;
}

interface Written {
  readonly lastByteAtMs: number;
  readonly tookMs: number;
}

/** Every save is of other bytes: nothing may be spared because it is known. */
function writing({ clients, sizeBytes, round }: Place, path: string): Command {
  return clients.program('writer', [path, sizeBytes, WRITE_BYTES_PER_SECOND, round, 0].map(String));
}

async function ourSave(place: Place): Promise<Save> {
  const { sink, clients } = place;
  await sink.reset();
  await using checkpoints = await BenchFolder.make(place.sizeBytes);
  await using publisher = new RunningProgram(clients.program('publisher', [sink.https, checkpoints.path, '2']));
  await publisher.line();
  // The first checkpoint of a run waits until it has been still for a while: nothing tells yet that no file is missing.
  const first = { ...place, sizeBytes: FIRST_BYTES, round: place.round + FIRST_ROUND };
  await measured(writing(first, checkpoints.file('checkpoint-0.safetensors')));
  await publisher.line();
  const { stdout } = await measured(writing(place, checkpoints.file(`checkpoint-${place.round}.safetensors`)));
  const { lastByteAtMs, tookMs } = JSON.parse(stdout) as Written;
  const { committedAtMs } = JSON.parse(await publisher.line()) as { committedAtMs: number };
  const { lastDataAtMs } = await sink.stats();
  const tailMs = Math.max(0, lastDataAtMs - lastByteAtMs);
  return { tailMs, commitMs: committedAtMs - lastByteAtMs, wholeMs: tookMs + tailMs };
}

/** How long the same bytes take to be written where nobody uploads them, ms. */
async function writeAlone(place: Place): Promise<number> {
  await using folder = await BenchFolder.make(place.sizeBytes);
  const { stdout } = await measured(writing(place, folder.file('file')));
  return (JSON.parse(stdout) as Written).tookMs;
}

/** Writes to the end, then copies. */
async function theirSave(place: Place, copy: (path: string) => Command): Promise<Save> {
  const { sink } = place;
  await sink.reset();
  await using checkpoints = await BenchFolder.make(place.sizeBytes);
  const path = checkpoints.file('file');
  const { stdout } = await measured(writing(place, `${path}.new`));
  const { tookMs } = JSON.parse(stdout) as Written;
  await rename(`${path}.new`, path);
  const startMs = Date.now();
  await measured(copy(path));
  // What the bench itself took between the last byte and the copy's start does not count.
  const commitMs = Date.now() - startMs;
  const tailMs = (await sink.stats()).lastDataAtMs - startMs;
  await rm(path);
  return { tailMs, commitMs, wholeMs: tookMs + tailMs };
}
