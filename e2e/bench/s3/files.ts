import { createCipheriv } from 'node:crypto';
import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for this many bytes: in memory if they fit there twice over, so that no disk is measured; else on disk. */
export class BenchFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(neededBytes: number): Promise<BenchFolder> {
    const memory = await statfs('/dev/shm').catch(() => null);
    const roomy = memory !== null && memory.bavail * memory.bsize > neededBytes * 2;
    return new BenchFolder(await mkdtemp(join(roomy ? '/dev/shm' : tmpdir(), 'runctl-bench-')));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Beside it lies what the agent notes of a folder.
    for (const each of [this.path, `${this.path}.rejected`, `${this.path}.uploads`])
      await rm(each, { recursive: true, force: true });
  }
}

const BLOCK_BYTES = 8 * 1024 * 1024;

/** Endless bytes that no two parts share and nothing compresses: AES in counter mode, the same for the same seed. */
export class RandomBytes {
  readonly #zeros = Buffer.alloc(BLOCK_BYTES);
  readonly #cipher: ReturnType<typeof createCipheriv>;

  constructor(seed: number) {
    this.#cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  }

  next(sizeBytes: number): Buffer {
    return this.#cipher.update(this.#zeros.subarray(0, sizeBytes));
  }
}

export async function writeRandom(path: string, sizeBytes: number, seed: number): Promise<void> {
  const bytes = new RandomBytes(seed);
  const file = await open(path, 'w');
  try {
    for (let left = sizeBytes; left > 0; left -= BLOCK_BYTES)
      await file.writeFile(bytes.next(Math.min(left, BLOCK_BYTES)));
  } finally {
    await file.close();
  }
}

/** What makes a file of this size a whole safetensors file: one tensor of bytes, 8 MiB after the file's start at most. */
export function safetensorsHeader(sizeBytes: number): Buffer {
  const header = (dataBytes: number) =>
    Buffer.from(JSON.stringify({ weights: { dtype: 'U8', shape: [dataBytes], data_offsets: [0, dataBytes] } }));
  const padded = 256;
  const text = Buffer.alloc(padded - 8, ' ');
  header(sizeBytes - padded).copy(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.byteLength));
  return Buffer.concat([length, text]);
}
