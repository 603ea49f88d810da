import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { RandomBytes, safetensorsHeader } from '../files.ts';

// `writer.ts <path> <bytes> <bytes per second> <seed> <same bytes>`: saves a checkpoint as a training does, front to back.
// Its first bytes, as many as told, do not depend on the seed. Says when the last byte was written (epoch ms).
const [path = '', size = '0', rate = '0', seed = '1', same = '0'] = process.argv.slice(2);
const STEP_BYTES = 4 * 1024 * 1024;
const sizeBytes = Number(size);
const file = openSync(path, 'w');
const beganMs = performance.now();
let written = writeSync(file, safetensorsHeader(sizeBytes));
const equal = new RandomBytes(0);
const own = new RandomBytes(Number(seed));
while (written < sizeBytes) {
  const bytes = Math.min(STEP_BYTES, sizeBytes - written);
  written += writeSync(file, (written < Number(same) ? equal : own).next(bytes));
  const dueMs = Number(rate) === 0 ? 0 : (written / Number(rate)) * 1000 - (performance.now() - beganMs);
  if (dueMs > 1) await new Promise((resolve) => setTimeout(resolve, dueMs));
}
closeSync(file);
console.log(JSON.stringify({ lastByteAtMs: Date.now(), tookMs: performance.now() - beganMs }));
if (path.endsWith('.tmp')) renameSync(path, path.slice(0, -'.tmp'.length));
