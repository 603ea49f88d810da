import type { Disk } from './disk.ts';
import type { Random } from './random.ts';

/** How the script of a world writes its checkpoints. */
export interface Layout {
  readonly kind: 'stepped-folders' | 'stepped-files' | 'in-place' | 'replaced';
  readonly files: readonly FileShape[];
  /** Checkpoints that the script itself keeps; null = it deletes none. */
  readonly keeps: number | null;
  /** A log beside the checkpoints that grows with each save. */
  readonly growsLog: boolean;
}

export interface FileShape {
  readonly name: string;
  readonly sizeBytes: number;
  /** Beginning of the file that is the same in each save. */
  readonly constantBytes: number;
}

/** A save of a script as it meant it: paths below the checkpoint folder, with all that is in them. */
export interface Save {
  readonly id: number;
  readonly step: number;
  readonly files: ReadonlyMap<string, Buffer>;
}

export const LOG_FILE = 'train.log';
/** Which of several files may be the same in each save, as frozen weights are. */
const FROZEN = 'moments.bin';

export function layoutOf(random: Random): Layout {
  const kind = random.pick(['stepped-folders', 'stepped-folders', 'stepped-files', 'in-place', 'replaced'] as const);
  const count = kind === 'replaced' || kind === 'stepped-files' ? 1 : random.int(1, 3);
  const names = random.pick([
    ['weights.bin', 'moments.bin', 'scalars.json'],
    ['scalars.json', 'weights.bin', 'moments.bin'],
    // All of them tell by themselves that they are whole.
    ['scalars.json', 'sampler.json', 'schedule.json'],
  ]);
  const files = names.slice(0, count).map((name) => {
    const sizeBytes = random.pick([24, 70, 150, 200]);
    if (name === FROZEN && random.chance(0.4)) return { name, sizeBytes, constantBytes: sizeBytes };
    return { name, sizeBytes, constantBytes: random.chance(0.5) ? 0 : Math.floor(sizeBytes * random.next()) };
  });
  return { kind, files, keeps: random.chance(0.5) ? random.int(1, 3) : null, growsLog: random.chance(0.3) };
}

export function saveOf(layout: Layout, id: number, step: number): Save {
  const files = layout.files.map((shape) => [pathOf(layout, shape, step), contentOf(shape, id)] as const);
  return { id, step, files: new Map(files) };
}

export function entryOf(layout: Layout, step: number): string {
  if (layout.kind === 'stepped-folders') return `checkpoint-${step}`;
  if (layout.kind === 'stepped-files') return `weights-${step}.bin`;
  return '.';
}

function pathOf(layout: Layout, shape: FileShape, step: number): string {
  if (layout.kind === 'stepped-folders') return `checkpoint-${step}/${shape.name}`;
  if (layout.kind === 'stepped-files') return `weights-${step}.bin`;
  return shape.name;
}

function contentOf({ name, sizeBytes, constantBytes }: FileShape, id: number): Buffer {
  if (name.endsWith('.json')) return Buffer.from(JSON.stringify({ id, name, filler: 'j'.repeat(sizeBytes % 50) }));
  if (constantBytes >= sizeBytes) return Buffer.alloc(sizeBytes, `constant ${name} `);
  const unique = Buffer.alloc(Math.max(16, sizeBytes - constantBytes), `[${id} ${name}]`);
  return Buffer.concat([Buffer.alloc(constantBytes, `constant ${name} `), unique]);
}

/** Every save that any script of a world has finished, by what is in its files. */
export class FinishedSaves {
  #count = 0;
  readonly #bySignature = new Map<string, Save>();
  readonly logs = new Set<string>();

  nextId(): number {
    return ++this.#count;
  }

  add(save: Save): void {
    this.#bySignature.set(signatureOf(save.files), save);
  }

  /** The save that wrote exactly these files, or null. */
  withFiles(files: ReadonlyMap<string, Buffer>): Save | null {
    return this.#bySignature.get(signatureOf(files)) ?? null;
  }

  get count(): number {
    return this.#bySignature.size;
  }
}

function signatureOf(files: ReadonlyMap<string, Buffer>): string {
  return Array.from(files, ([path, bytes]) => `${path} ${bytes.toString('latin1')}`)
    .sort()
    .join('\n');
}

/** What stands below a folder of a disk, without hidden files. */
export function contentsOf(disk: Disk, folder: string): Map<string, Buffer> {
  const paths = disk.filesBelow(folder).filter((path) => !path.split('/').some((name) => name.startsWith('.')));
  return new Map(paths.map((path) => [path, Buffer.from(disk.file(`${folder}/${path}`).bytes)]));
}
