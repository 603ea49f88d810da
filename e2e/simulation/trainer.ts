import type { Disk, FileNode } from './disk.ts';
import type { Random } from './random.ts';
import { contentsOf, entryOf, type FinishedSaves, type Layout, LOG_FILE, type Save, saveOf } from './saves.ts';
import type { Timeline } from './timeline.ts';

/** What a script does with SIGTERM: saves and leaves, leaves at once with code 0, dies of it, or pays no heed. */
export type OnTerm = 'saves' | 'leaves' | 'dies' | 'ignores';

/** How a script behaves, in true milliseconds. */
export interface Habits {
  readonly layout: Layout;
  readonly onTerm: OnTerm;
  /** Between two saves. */
  readonly trainMs: number;
  /** For each piece of a file. */
  readonly pieceMs: number;
  /** Writes over the old bytes instead of emptying the file first. */
  readonly overwrites: boolean;
  /** Sometimes stops for this long in the middle of a file that is open. */
  readonly pauseMs: number;
}

export function habitsOf(random: Random, layout: Layout): Habits {
  return {
    layout,
    onTerm: random.pick(['saves', 'saves', 'leaves', 'dies', 'ignores']),
    trainMs: random.pick([1500, 4000, 10_000]),
    pieceMs: random.pick([1, 10, 120, 400]),
    overwrites: random.chance(0.5),
    pauseMs: random.pick([0, 0, 1500, 4000]),
  };
}

/** What a script of a whole run does beside saving. */
export interface Duties {
  /** It is done after this step. */
  readonly lastStep: number;
  /** The code that it ends with in this step instead of saving; null: it goes on. */
  readonly crashesWith: (step: number) => number | null;
  /** A step is trained, and will be saved next. */
  readonly stepped: (step: number) => void;
  /** What it says on its output. */
  readonly say: (text: string) => void;
  /** The last save is finished; it will end with 0. */
  readonly finished: () => void;
}

export interface TrainerEnd {
  /** An exit code of its own that means well. */
  readonly clean: boolean;
  readonly code: number | null;
  readonly signal: string | null;
  /** By its machine's wall clock; long ago where that was set meanwhile, as the supervisor has it. */
  readonly atMs: number;
}

interface TrainerOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly habits: Habits;
  readonly saves: FinishedSaves;
  readonly wallMs: () => number;
  /** How far the wall clock is from one that nobody can set. */
  readonly wallOffsetMs: () => number;
  /** Null: it trains for ever, and says nothing. */
  readonly duties: Duties | null;
}

class Killed extends Error {
  readonly signal: string;

  constructor(signal: string) {
    super(signal);
    this.signal = signal;
  }
}

/**
 * A script that trains: saves now and then, in the way of its world, until it is told to stop or killed. What no recogniser
 * can tell, because nothing about it can be seen, is not in its habits: a stall between two files of one save that are not
 * open; JSON written over the old bytes of a file that was not emptied, whose mixture may parse.
 */
export class Trainer {
  readonly done: Promise<TrainerEnd>;
  /** The last save that it finished, or resumed from. */
  lastSave: Save | null;
  ended: TrainerEnd | null = null;
  readonly #options: TrainerOptions;
  readonly #die: (reason: Killed) => void;
  readonly #death: Promise<never>;
  #open: FileNode | null = null;
  #step: number;
  #told = false;
  #wakeTold: () => void = () => {};
  #killed = false;
  #logLines = 0;

  constructor(options: TrainerOptions) {
    this.#options = options;
    this.lastSave = options.saves.withFiles(ownFiles(options));
    this.#step = (options.duties === null ? newestStep(options) : this.lastSave?.step) ?? 0;
    let die: (reason: Killed) => void = () => {};
    this.#death = new Promise((_resolve, reject) => (die = reject));
    this.#death.catch(() => {});
    this.#die = die;
    this.done = this.#live().then((end) => (this.ended = end));
  }

  /** Whether it has got SIGTERM. */
  get told(): boolean {
    return this.#told;
  }

  /** SIGTERM. */
  tell(): void {
    if (this.#told || this.ended !== null) return;
    this.#told = true;
    if (this.#options.habits.onTerm === 'dies') this.kill('SIGTERM');
    else if (this.#options.habits.onTerm !== 'ignores') this.#wakeTold();
  }

  /** SIGKILL: what is half written stays so. */
  kill(signal = 'SIGKILL'): void {
    if (this.#killed || this.ended !== null) return;
    this.#killed = true;
    if (this.#open !== null) this.#options.disk.endWriting(this.#open);
    this.#open = null;
    this.#die(new Killed(signal));
  }

  async #live(): Promise<TrainerEnd> {
    const { wallMs, wallOffsetMs } = this.#options;
    const offsetMs = wallOffsetMs();
    const ended = (code: number | null, signal: string | null = null): TrainerEnd => {
      const atMs = wallOffsetMs() === offsetMs ? wallMs() : Number.NEGATIVE_INFINITY;
      return { clean: code === 0, code, signal, atMs };
    };
    try {
      return ended(await this.#work());
    } catch (error) {
      if (error instanceof Killed) return ended(null, error.signal);
      throw error;
    }
  }

  /** The exit code. */
  async #work(): Promise<number> {
    const { duties, habits } = this.#options;
    for (;;) {
      if (duties !== null && this.#step >= duties.lastStep) {
        duties.finished();
        return 0;
      }
      await this.#train();
      if (this.#told && habits.onTerm === 'leaves') return 0;
      duties?.stepped(this.#step + 1);
      const code = duties?.crashesWith(this.#step + 1) ?? null;
      if (code !== null) return code;
      await this.#save();
      if (this.#told && habits.onTerm === 'saves' && this.#step !== duties?.lastStep) return 0;
    }
  }

  async #train(): Promise<void> {
    const { habits, random, timeline } = this.#options;
    if (this.#told && habits.onTerm !== 'ignores') return;
    const told = new Promise<void>((resolve) => (this.#wakeTold = resolve));
    await Promise.race([timeline.sleep(habits.trainMs * (0.5 + random.next())), told, this.#death]);
  }

  async #save(): Promise<void> {
    const { disk, folder, habits, saves } = this.#options;
    const { layout } = habits;
    const save = saveOf(layout, saves.nextId(), ++this.#step);
    if (layout.growsLog) await this.#log(save);
    for (const [path, bytes] of save.files) {
      if (layout.kind === 'replaced') {
        await this.#write(`${path}.tmp`, bytes);
        disk.rename(`${folder}/${path}.tmp`, `${folder}/${path}`);
      } else await this.#write(path, bytes);
    }
    saves.add(save);
    this.lastSave = save;
    await this.#pause(habits.pieceMs);
    this.#rotate();
  }

  async #write(path: string, bytes: Buffer): Promise<void> {
    const { disk, folder, habits, random } = this.#options;
    await this.#pause(habits.pieceMs);
    const place = `${folder}/${path}`;
    disk.makeFolder(place.slice(0, place.lastIndexOf('/')), true);
    const truncate = !habits.overwrites || path.endsWith('.json');
    const file = disk.open(place, { create: true, exclusive: false, truncate });
    this.#open = file;
    disk.beginWriting(file);
    const pieces = random.int(1, 3);
    for (let piece = 0; piece < pieces; piece++) {
      await this.#pause(habits.pieceMs);
      if (piece > 0 && random.chance(0.2)) await this.#pause(habits.pauseMs);
      const start = Math.floor((bytes.length * piece) / pieces);
      disk.write(file, bytes.subarray(start, Math.floor((bytes.length * (piece + 1)) / pieces)), start);
    }
    if (file.bytes.length > bytes.length) disk.truncate(file, bytes.length);
    disk.endWriting(file);
    this.#open = null;
  }

  async #log(save: Save): Promise<void> {
    const { disk, folder, saves } = this.#options;
    await this.#pause(1);
    disk.makeFolder(folder, true);
    const file = disk.open(`${folder}/${LOG_FILE}`, { create: true, exclusive: false, truncate: false });
    disk.write(file, Buffer.from(`save ${save.id} line ${++this.#logLines}\n`), file.bytes.length);
    saves.logs.add(file.bytes.toString());
  }

  #rotate(): void {
    const { disk, folder, habits } = this.#options;
    const { keeps, kind } = habits.layout;
    if (keeps === null || kind === 'in-place' || kind === 'replaced') return;
    for (let step = this.#step - keeps; step > this.#step - keeps - 3; step--)
      disk.remove(`${folder}/${entryOf(habits.layout, step)}`, { recursive: true, force: true });
  }

  async #pause(ms: number): Promise<void> {
    const { random, timeline } = this.#options;
    await Promise.race([timeline.sleep(ms * (0.5 + random.next())), this.#death]);
  }
}

/** The files that make the newest checkpoint in a folder, as the layout has it. */
export function ownFiles({
  disk,
  folder,
  habits,
}: Pick<TrainerOptions, 'disk' | 'folder' | 'habits'>): Map<string, Buffer> {
  const all = contentsOf(disk, folder);
  const { layout } = habits;
  const step = newestStep({ disk, folder, habits });
  const stepped = layout.kind === 'stepped-folders' || layout.kind === 'stepped-files';
  const entry = entryOf(layout, step ?? 0);
  return new Map(
    Array.from(all).filter(([path]) =>
      stepped ? path === entry || path.startsWith(`${entry}/`) : layout.files.some((file) => file.name === path),
    ),
  );
}

/** Of a layout without steps in its names: counted by the script alone, from one again with each start. */
function newestStep({ disk, folder }: Pick<TrainerOptions, 'disk' | 'folder' | 'habits'>): number | null {
  const steps = Array.from(contentsOf(disk, folder).keys(), (path) =>
    Number(/^(?:checkpoint|weights)-(\d+)/.exec(path)?.[1] ?? Number.NaN),
  );
  const known = steps.filter((step) => !Number.isNaN(step));
  return known.length === 0 ? null : Math.max(...known);
}
