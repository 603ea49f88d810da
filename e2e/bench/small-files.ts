import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Row } from './bench.ts';
import { findClients } from './s3/clients.ts';
import { BenchFolder, RandomBytes } from './s3/files.ts';
import { type Contender, interleaved, wallSeconds } from './s3/interleaved.ts';
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
    for (const way of ['up', 'down'] as const) {
      const contenders = ways[way].map(([name, command]): Contender => ({
        name,
        async run() {
          if (way === 'up') await sink.reset();
          else await rm(target, { recursive: true, force: true });
          const sample = await measured(command);
          await assertMoved(way, { sink, target, count });
          return sample;
        },
      }));
      const series = await interleaved(contenders, {
        rounds: options.rounds ?? 2,
        progress: (text) => progress(`${way}, ${text}`),
      });
      const theirSeries = series.get('rclone');
      rows.push(
        ratioRow(`${count} small files ${way}, ${AT_ONCE} at a time, by the clock`, 0.5, {
          ours: wallSeconds(series.get('ours')!),
          peer: theirSeries === undefined ? null : wallSeconds(theirSeries),
          peerName: rclone?.version ?? 'rclone',
          unit: 's',
        }),
      );
      raw[way] = [...series.values()];
    }
    return { rows, raw };
  },
};

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
): Promise<void> {
  if (way === 'up') {
    const { objects } = await sink.stats();
    if (objects !== count) throw new Error(`${objects} of ${count} objects came`);
    return;
  }
  const files = (await readdir(target, { recursive: true })).filter((name) => name.endsWith('.bin'));
  if (files.length !== count) throw new Error(`${files.length} of ${count} files came`);
  if ((await stat(join(target, files[0] ?? ''))).size === 0) throw new Error('an empty file came');
}
