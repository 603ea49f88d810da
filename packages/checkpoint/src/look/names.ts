/**
 * What names of files and folders say about checkpoints. Sources of the patterns: Hugging Face (`checkpoint-500`),
 * Lightning (`epoch=1-step=500.ckpt`, `hpc_ckpt_3.ckpt`), DeepSpeed (`global_step500`), Megatron (`iter_0000500`),
 * Orbax (`500`, `checkpoint_500`), XGBoost (`model_500.ubj`), Keras (`weights.05.keras`).
 */

const STEP_PATTERNS: readonly RegExp[] = [
  /epoch=\d+-step=(\d+)/i,
  /(?:^|[^a-z])(?:global_?)?step[_=-]?(\d+)/i,
  /(?:^|[^a-z])(?:checkpoint|ckpt)[_=-]?(\d+)/i,
  /(?:^|[^a-z])iter(?:ation)?[_=-]?(\d+)/i,
  /(?:^|[^a-z])epoch[_=-]?(\d+)/i,
  /^(\d+)(?:\.[a-z]\w*)*$/i,
];

const NUMBERED_FILE = /(?:^|[_.=-])(\d+)\.(?:ubj|pkl|pickle|pt|pth|ckpt|h5|keras|npz|json|msgpack|safetensors|bin)$/i;
/** Numbers behind these words count something else than steps. */
const OTHER_COUNT =
  /(?:^|[^a-z])(?:rank|shard|part|fold|seed|state|worker|of|layer|version|v|gpu|node|split|size)[_.=-]?\d+\.\w+$/i;
/** `model.05.weights.h5` is Keras's name for weights alone. */
const KERAS_WEIGHTS = /\.weights\.h5$/i;
const SHARD = /[-_.](?:data-)?\d+-of-\d+/i;

/** Step in the name of a file or folder, or null. Numbers are numbers: `checkpoint-1000` comes after `checkpoint-200`. */
export function stepInName(name: string): number | null {
  const plain = name.replace(SHARD, '').replace(KERAS_WEIGHTS, '.h5');
  for (const pattern of STEP_PATTERNS) {
    const step = numberIn(pattern.exec(plain));
    if (step !== null) return step;
  }
  return OTHER_COUNT.test(plain) ? null : numberIn(NUMBERED_FILE.exec(plain));
}

function numberIn(match: RegExpExecArray | null): number | null {
  const number = match === null ? Number.NaN : Number(match[1]);
  return Number.isSafeInteger(number) ? number : null;
}

const UNFINISHED: readonly RegExp[] = [
  /\.tmp/i,
  /\.part$/i,
  /\.partial$/i,
  /^tmp-/i,
  /\.orbax-checkpoint-tmp-/,
  /~$/,
  /^\./,
  // What ext4 puts into every file system, for root alone to read.
  /^lost\+found$/,
];

/** What torch.distributed.checkpoint commits a checkpoint with, though it is hidden. */
export const DCP_METADATA = '.metadata';

/** Files and folders that are never looked into: temporary ones by name, hidden ones, editors' swap files, the file system's own. */
export function isIgnoredName(name: string): boolean {
  return name !== DCP_METADATA && UNFINISHED.some((pattern) => pattern.test(name));
}

const BEST = /(?:^|[._-])best(?:[._-]|$)/i;

/** Whether a file, or a folder that it lies in, is named as the best of a run so far. */
export function isBestName(path: string): boolean {
  return path.split('/').some((name) => BEST.test(name));
}

/** Hugging Face's Trainer leaves this file in a folder until a save on SIGTERM is done (trainer_jit_checkpoint.py). */
export const INCOMPLETE_FOLDER_MARKER = 'checkpoint-is-incomplete.txt';

const SIDE_FILES = /(?:^events\.out\.tfevents|\.(?:log|out|err|csv|tsv|jsonl|ndjson|lock|md|png|jpe?g|svg|html|pid)$)/i;
const DATABASE = /\.(?:db3?|sqlite3?|s3db|duckdb|mdb)(?:-(?:wal|shm|journal)|\.wal)?$/i;
const SIDE_FOLDERS = /^(?:logs?|wandb|tensorboard|tb|mlruns|samples|runs|__pycache__)$/i;

/**
 * A database that others are trained beside (a study, a tracker): its library keeps it open, and brings it back to its last
 * transaction from any moment at which it and its `-wal`, `-shm` and `-journal` are taken together.
 */
export function isDatabase(path: string): boolean {
  return DATABASE.test(path);
}

/** What the files of one database have in common: its own path. */
export function databaseOf(path: string): string {
  return path.replace(/(?:-(?:wal|shm|journal)|\.wal)$/i, '');
}

/** Logs, plots, databases and the like: they go along with a checkpoint but never are one, and their growth makes no new one. */
export function isSideFile(path: string): boolean {
  const segments = path.split('/');
  const name = segments.at(-1) ?? '';
  return SIDE_FILES.test(name) || isDatabase(name) || segments.slice(0, -1).some((folder) => SIDE_FOLDERS.test(folder));
}

/** First segment of a path: the entry of the checkpoint folder that it lies in. */
export function topEntryOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}

export interface StepEntry {
  /** The file, or the folder that it lies in, whose name bears the step. */
  readonly entry: string;
  readonly step: number;
}

const STEP_WORD = /(?:step|checkpoint|ckpt|iter(?:ation)?|epoch)[_=-]?\d/i;

/**
 * The step that a path bears: that of its top-level entry, else of the first name below it in which a word says that the
 * number is one (`out/step_100.pt`, not `arrays/0.npy`). Null for side files and where nothing tells a step.
 */
export function stepEntryOf(path: string): StepEntry | null {
  if (isSideFile(path)) return null;
  const segments = path.split('/');
  for (const [depth, name] of segments.entries()) {
    const step = depth === 0 || STEP_WORD.test(name) ? stepInName(name) : null;
    if (step !== null) return { entry: segments.slice(0, depth + 1).join('/'), step };
  }
  return null;
}

/** Last segment of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path without its last segment; empty where it has one alone. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
