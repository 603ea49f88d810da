import { nameOf, stepInName } from './names.ts';
import type { FileSeen, RecogniseContext } from '../contract/recogniser.ts';

/** What one file says about other files, as its text has it. */
export interface NameInside {
  readonly name: string;
  /** The file exists to name another one, so that it is worth nothing where that one is missing. */
  readonly isPointer: boolean;
}

const POINTER = /(?:^|[._-])(?:latest|last|newest|current|best|resume|checkpoints?|ckpt)(?:[._-]|$)/i;
const ARGUMENTS = /(?:^|[._-])(?:args?|arguments?|config|configuration|hparams|params|options|settings)(?:[._-]|$)/i;
const MEGATRON = 'latest_checkpointed_iteration.txt';
const NUMBER_KEY = /(?:latest|last|best|newest|resume)\w*(?:step|iter|epoch|checkpoint|ckpt)/i;
/** What stands here is what a script goes on from. A best one that is gone is the script's own affair. */
const RESUMED_KEY = /latest|last|newest|resume|current/i;
const TEXT_LIMIT_BYTES = 64 * 1024;
const STATE_LIMIT_BYTES = 8 * 1024 * 1024;
const HEAD_BYTES = 1024 * 1024;
const MOST_LINES = 2;
const DEEPEST = 4;
/** Lightning's ModelCheckpoint keeps the path of its best file under this key of its state. */
const BEST_PATH_KEY = 'best_model_path';

/** The names of files, and the numbers of steps, that stand in a file. A list of saves names nothing: it is a history. */
export function namesInside(file: FileSeen, context: Pick<RecogniseContext, 'readText' | 'readStart'>): NameInside[] {
  const name = nameOf(file.path);
  if (name.endsWith('.ckpt')) return inPickle(context.readStart(file.path, HEAD_BYTES));
  const isState = name === 'trainer_state.json';
  const isText = /^[^.]*$|\.(?:txt|json|pbtxt)$/i.test(name);
  if (!isText || file.sizeBytes > (isState ? STATE_LIMIT_BYTES : TEXT_LIMIT_BYTES)) return [];
  const text = isState
    ? (context.readStart(file.path, STATE_LIMIT_BYTES)?.toString('utf8') ?? null)
    : context.readText(file.path);
  return text === null ? [] : namesInText(name, text);
}

/** As `namesInside`, of a text under this name. */
export function namesInText(name: string, text: string): NameInside[] {
  // Arguments may name what a script began from, or anything else: they lead to nothing that it goes on from.
  if (ARGUMENTS.test(name)) return [];
  const isPointer = POINTER.test(name);
  if (name.endsWith('.json'))
    return inJson(text).map((each) => ({
      name: each.name,
      isPointer: each.isPointer || (isPointer && !isNumber(each)),
    }));
  if (!isPointer) return [];
  const tensorflow = /^model_checkpoint_path:\s*"(.+)"/m.exec(text)?.[1];
  const lines = tensorflow === undefined ? text.trim().split(/\r?\n/) : [tensorflow];
  if (lines.length > MOST_LINES) return [];
  return (
    lines
      .map((line) => line.trim().replace(/^["']|["']$/g, ''))
      .filter((line) => line !== '' && line.length < 1024)
      // A lone number may count anything; only Megatron's is known to be the step of a folder.
      .map((line) => ({ name: line, isPointer: !isNumber({ name: line }) || name === MEGATRON }))
  );
}

function isNumber({ name }: Pick<NameInside, 'name'>): boolean {
  return /^\d+$/.test(name);
}

function inJson(text: string): NameInside[] {
  try {
    return valuesOf(JSON.parse(text), '', DEEPEST);
  } catch {
    return [];
  }
}

function valuesOf(value: unknown, key: string, depth: number): NameInside[] {
  if (typeof value === 'string')
    return /\D/.test(value) && value.length < 1024 ? [{ name: value, isPointer: RESUMED_KEY.test(key) }] : [];
  if (typeof value === 'number')
    return NUMBER_KEY.test(key) && Number.isSafeInteger(value) ? [{ name: String(value), isPointer: false }] : [];
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth === 0) return [];
  return Object.entries(value).flatMap(([name, each]) => valuesOf(each, name, depth - 1));
}

/** The text behind a key in a pickle: past a memo, BINUNICODE or SHORT_BINUNICODE of Python's pickletools. */
function inPickle(head: Buffer | null): NameInside[] {
  const at = head?.indexOf(BEST_PATH_KEY, 0, 'latin1') ?? -1;
  if (head === null || at < 0) return [];
  const start = at + BEST_PATH_KEY.length;
  const end = Math.min(head.length, start + 8);
  for (let place = start; place < end; place++) {
    const [lengthBytes, length] = textLengthAt(head, place);
    const from = place + 1 + lengthBytes;
    if (lengthBytes > 0 && length > 0 && length < 1024 && from + length <= head.length)
      return [{ name: head.toString('utf8', from, from + length), isPointer: false }];
  }
  return [];
}

/** How many bytes tell the length of the text that begins here, and that length; 0 bytes where none begins. */
function textLengthAt(bytes: Buffer, at: number): readonly [number, number] {
  if (bytes[at] === 0x58 && at + 5 <= bytes.length) return [4, bytes.readUInt32LE(at + 1)];
  if (bytes[at] === 0x8c && at + 2 <= bytes.length) return [1, bytes.readUInt8(at + 1)];
  return [0, 0];
}

/** Whether a name that leads to no file looks like that of a save, so that what names it is out of date. */
export function looksLikeSave(name: string): boolean {
  return stepInName(nameOf(name.replace(/\/+$/, ''))) !== null;
}
