import { rm } from 'node:fs/promises';
import type { Bench } from './bench.ts';
import { findClients } from './s3/clients.ts';
import { BenchFolder } from './s3/files.ts';
import { measured } from './s3/measured.ts';
import { RunningProgram } from './s3/process.ts';
import { NOT_INSTALLED } from './s3/rows.ts';
import { Sink } from './s3/sink.ts';

const GOAL = 0.3;

export const bench: Bench = {
  name: 'unchanged-parts',
  about: 'bytes sent for a second checkpoint of which the first three quarters have not changed',
  async run(progress, options) {
    const sizeMiB = options.sizeMiB ?? 1024;
    const sizeBytes = sizeMiB * 1024 ** 2;
    await using folder = await BenchFolder.make(sizeBytes * 2);
    await using checkpoints = await BenchFolder.make(sizeBytes * 2);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const place = (step: number) => checkpoints.file(`checkpoint-${step}.safetensors`);
    const save = (step: number) =>
      measured(clients.program('writer', [`${place(step)}.tmp`, sizeBytes, 0, step, (sizeBytes * 3) / 4].map(String)));
    await using publisher = new RunningProgram(clients.program('publisher', [sink.https, checkpoints.path, '2']));
    await publisher.line();
    await save(1);
    const first = JSON.parse(await publisher.line()) as { committedAtMs: number };
    const before = await sink.stats();
    progress(`the first checkpoint is durable (${(before.bytesIn / 1e6).toFixed(0)} MB sent)`);
    await save(2);
    const second = JSON.parse(await publisher.line()) as { committedAtMs: number };
    const after = await sink.stats();
    const sentBytes = after.bytesIn - before.bytesIn;
    const copiedBytes = after.copiedBytes - before.copiedBytes;
    progress(
      `the second: ${(sentBytes / 1e6).toFixed(0)} MB sent, ${(copiedBytes / 1e6).toFixed(0)} MB copied inside the store`,
    );
    const { crt } = clients;
    let peerBytes: number | null = null;
    if (crt !== null) {
      await sink.reset();
      await measured(crt.command(['cp', place(2), 's3://b/second', '--no-progress']));
      peerBytes = (await sink.stats()).bytesIn;
    }
    await rm(place(1), { force: true });
    const peerName = crt?.version ?? 'AWS CLI v2 with CRT';
    const ratio = peerBytes === null ? null : sentBytes / peerBytes;
    return {
      rows: [
        {
          what: `second checkpoint, ¾ unchanged, ${sizeMiB} MiB: bytes sent`,
          ours: `${(sentBytes / 1e6).toFixed(0)} MB`,
          peer: `${peerName}: ${peerBytes === null ? NOT_INSTALLED : `${(peerBytes / 1e6).toFixed(0)} MB`}`,
          ratio,
          goal: `≤ ${GOAL}`,
          met: ratio !== null && ratio <= GOAL && sentBytes + copiedBytes >= sizeBytes,
        },
      ],
      raw: { sizeBytes, sentBytes, copiedBytes, peerBytes, first, second },
    };
  },
};
