import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Row } from './bench.ts';
import { findClients } from './s3/clients.ts';
import { BenchFolder, RandomBytes } from './s3/files.ts';
import { type Contender, interleaved, type Series, wallSeconds } from './s3/interleaved.ts';
import { type Command, measured } from './s3/measured.ts';
import { ratioRow } from './s3/rows.ts';
import { Sink } from './s3/sink.ts';
import { writeFile } from 'node:fs/promises';

const FILES = 10_000;
/** For `--size-mib`. */
const FILES_PER_MIB = 170;
const AT_ONCE = 32;

export const bench: Bench = {
  name: 'small-files',
  about: `${FILES} files of 1 to 10 KiB up and down over TLS, ${AT_ONCE} at a time, against rclone at the same concurrency`,
  async run(progress, options) {
    const count = options.sizeMiB === null ? FILES : options.sizeMiB * FILES_PER_MIB;
    await using folder = await BenchFolder.make(count * 16 * 1024);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const [source, target] = [folder.file('source'), folder.file('target')];
    const bytes = await writeTree(source, count);
    const atOnce = String(AT_ONCE);
    const parallel = ['--transfers', atOnce, '--checkers', atOnce];
    const { rclone } = clients;
    const theirs = (from: string, to: string) =>
      rclone === null ? [] : ([['rclone', rclone.command(['copy', ...parallel, from, to])]] as [string, Command][]);
    const ways = {
      up: [
        ['ours', clients.program('ours', ['upload-tree', sink.https, 'tree/', source, 'both', atOnce])],
        ...theirs(source, 'sink:b/tree'),
      ],
      down: [
        ['ours', clients.program('ours', ['download-tree', sink.https, 'tree/', target, 'crc32', atOnce])],
        ...theirs('sink:b/tree', target),
      ],
    } as const satisfies Record<string, readonly (readonly [string, Command])[]>;
    const rows: Row[] = [];
    const raw: Record<string, unknown> = { bytes, files: count, rclone: rclone?.version };
    for (const mode of MODES) {
      await sink.behave({ latencyMs: mode.latencyMs });
      for (const way of ['up', 'down'] as const) {
        const title = `${way}${mode.suffix}`;
        const asked = new Map<string, Requests>();
        const contenders = ways[way].map(([name, command]): Contender => ({
          name,
          async run() {
            await sink.reset({ keepObjects: way === 'down' });
            await rm(target, { recursive: true, force: true });
            const sample = await measured(command);
            asked.set(name, await assertMoved(way, { sink, target, count }));
            return sample;
          },
        }));
        const series = await interleaved(contenders, {
          rounds: options.rounds ?? mode.rounds,
          progress: (text) => progress(`${title}, ${text}`),
        });
        rows.push(rowOf(`${count} small files ${title}, by the clock`, mode.goal, { series, rclone: rclone?.version }));
        raw[title] = [...series.values()].map((own) => ({ ...own, sink: asked.get(own.name) }));
      }
    }
    return { rows, raw };
  },
};

/** On loopback what counts is CPU; with the latency of a request to S3 (10 to 30 ms) it is requests, and how many at once. */
const MODES = [
  { suffix: '', latencyMs: 0, rounds: 2, goal: 0.5 },
  { suffix: ', 20 ms for each request', latencyMs: 20, rounds: 1, goal: null },
] as const;

interface Requests {
  readonly requestsPerFile: number;
  /** Of the sink's process. */
  readonly cpuMsPerFile: number;
  readonly connections: number;
}

function rowOf(
  what: string,
  goal: number | null,
  of: { readonly series: ReadonlyMap<string, Series>; readonly rclone: string | undefined },
): Row {
  const [ours, theirs] = [of.series.get('ours')!, of.series.get('rclone')];
  const row = ratioRow(`${what}, ${AT_ONCE} at a time`, goal ?? 0, {
    ours: wallSeconds(ours),
    peer: theirs === undefined ? null : wallSeconds(theirs),
    peerName: of.rclone ?? 'rclone',
    unit: 's',
  });
  return goal === null ? { ...row, goal: 'reported', met: true } : row;
}

async function writeTree(root: string, count: number): Promise<number> {
  const random = new RandomBytes(1);
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const folder = join(root, String(index % 100).padStart(2, '0'));
    if (index < 100) await mkdir(folder, { recursive: true });
    const content = random.next(1024 + ((index * 7919) % 9216));
    bytes += content.byteLength;
    await writeFile(join(folder, `${index}.bin`), content);
  }
  return bytes;
}

async function assertMoved(
  way: 'up' | 'down',
  { sink, target, count }: { readonly sink: Sink; readonly target: string; readonly count: number },
): Promise<Requests> {
  const { objects, requests, cpuMs, connections } = await sink.stats();
  const requestCount = Object.values(requests).reduce((sum, each) => sum + each, 0);
  const asked = { requestsPerFile: requestCount / count, cpuMsPerFile: cpuMs / count, connections };
  if (way === 'up') {
    if (objects !== count) throw new Error(`${objects} of ${count} objects came`);
    return asked;
  }
  const files = (await readdir(target, { recursive: true })).filter((name) => name.endsWith('.bin'));
  if (files.length !== count) throw new Error(`${files.length} of ${count} files came`);
  if ((await stat(join(target, files[0] ?? ''))).size === 0) throw new Error('an empty file came');
  return asked;
}
