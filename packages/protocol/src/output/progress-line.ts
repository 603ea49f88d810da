/** What one line of a script's output tells of the training's progress. */
export interface ProgressLine {
  /** Optimiser step of the whole training; null where the line tells none, or only a place within an epoch. */
  readonly step: number | null;
  /** Number of steps of the whole training, where the line tells it; a hint for estimates, never proof of anything. */
  readonly total: number | null;
  readonly epoch: number | null;
  readonly bar: ProgressBar | null;
}

/** A line of a progress bar, as tqdm and Keras draw it. */
export interface ProgressBar {
  /** The description before the bar; two bars with one label and total are one bar. */
  readonly label: string;
  readonly at: number;
  readonly total: number | null;
  /** `training`: counts the whole training, if anything does. `epoch`: counts within an epoch. `other`: something else. */
  readonly counts: 'training' | 'epoch' | 'other';
}

/**
 * Reads one line (see `OutputLines`) and never guesses from a configuration: `max_steps=500`, `warmup_steps: 30` and
 * `every 200 steps` tell no step, nor does a line that speaks of loading, resuming or saving before it names one. Null
 * where the line tells nothing of progress, also for lines of ranks other than 0. Takes time linear in the line's length.
 * The shapes are those of real output: tqdm, Trainer, Lightning, Keras, XGBoost, LightGBM, ultralytics, nanoGPT.
 */
export function readProgressLine(line: string): ProgressLine | null {
  const text = ofFirstRank(line);
  if (text === null || isObjectInPrint(text)) return null;
  return inRecord(text) ?? inBar(text) ?? inText(text);
}

/** The line without the prefix of torchrun or Lightning; null where another rank than 0 speaks. */
function ofFirstRank(line: string): string | null {
  const [prefix, rank] = /^\s*\[(?:rank|default)(?::\s*)?(\d+)\]:?\s?/.exec(line) ?? [];
  if (prefix === undefined) return line.trim();
  return Number(rank) === 0 ? line.slice(prefix.length).trim() : null;
}

/** `Namespace(lr=0.1, steps=3)`: arguments in print. */
function isObjectInPrint(text: string): boolean {
  return /^[A-Za-z_][\w.]*\(/.test(text) && text.endsWith(')') && text.includes('=');
}

/** Names of the step in records, the best first. */
const STEP_NAMES = ['global_step', 'trainer/global_step', 'train/global_step', 'step', 'current_step', 'train_step'];
const UPDATE_NAMES = ['num_updates', 'iteration', 'iter'];

/** JSON or a printed Python dict, alone or behind a logger's prefix; null where there is none. */
function inRecord(text: string): ProgressLine | null {
  const begins = text.indexOf('{');
  if (begins === -1 || !text.endsWith('}')) return null;
  const record = parsed(text.slice(begins));
  if (record === null) return null;
  const names = [...STEP_NAMES, ...UPDATE_NAMES].map((name) => wholeNumber(record[name]));
  const epoch = Number(record['epoch'] ?? Number.NaN);
  return {
    step: names.find((value) => value !== null) ?? null,
    total: null,
    epoch: Number.isFinite(epoch) ? epoch : null,
    bar: null,
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? Object.assign(Object.create(null), value) : null;
  } catch {
    const pairs = text.matchAll(/'([\w/. -]+)'\s*:\s*'?([^',}]*)/g);
    const record = Object.fromEntries([...pairs].map(([, name, value]) => [name, value?.trim()]));
    return Object.keys(record).length > 0 ? Object.assign(Object.create(null), record) : null;
  }
}

function wholeNumber(value: unknown): number | null {
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}

const TQDM = /(?:^|\s)(\d{1,3})%\s?\|[^|]*\|\s*(\d+)\/(\d+)\s*\[/;
const TQDM_WITHOUT_TOTAL = /(?:^|\s)(\d+)it \[\d/;
/** Labels of bars that count a whole training; without a label it is most often that as well. */
const TRAINING_LABEL = /^(?:|steps?|iterations?|progress|train(?:ing)?(?: steps?| iterations?)?)$/i;
const EPOCH_LABEL = /^(?:(?:train(?:ing)?\s+)?epochs?\s*[[(#:]?\s*(\d+)|(\d+)\/\d+\s)/i;

function inBar(text: string): ProgressLine | null {
  const tqdm = TQDM.exec(text) ?? TQDM_WITHOUT_TOTAL.exec(text);
  if (tqdm !== null) return tqdmLine(text, tqdm);
  const keras = text.includes('/step') ? /^(\d+)\/(\d+)\s/.exec(text) : null;
  if (keras === null) return null;
  const bar = { label: '', at: Number(keras[1]), total: Number(keras[2]), counts: 'epoch' } as const;
  return { step: null, total: null, epoch: null, bar };
}

function tqdmLine(text: string, match: RegExpExecArray): ProgressLine {
  const [, first, at, total] = match;
  const label = text.slice(0, match.index).trim().replace(/:$/, '');
  const epoch = EPOCH_LABEL.exec(label);
  const behind = inText(text.slice(match.index + match[0].length));
  const counts = epoch !== null ? 'epoch' : TRAINING_LABEL.test(label) ? 'training' : 'other';
  const bar = { label, at: Number(at ?? first), total: total === undefined ? null : Number(total), counts } as const;
  if (counts === 'other') return { step: null, total: null, epoch: null, bar };
  return {
    step: behind?.step ?? null,
    total: behind?.total ?? null,
    epoch: epoch === null ? (behind?.epoch ?? null) : Number(epoch[1] ?? epoch[2]),
    bar,
  };
}

/** `step 12`, `global_step=12`, `iter 340:`, `Step: 1,200/5,000`; the parts before `step` are in the first group. */
const NAMED =
  /(?<![\w/.-])((?:[A-Za-z]+[_/.-])*)(?:globalstep|step|iter|iteration|num_updates)\b["']?(?:\(train\))?\s*[:=#]?\s*[[(]?\s*/gi;
const NUMBER = /^(\d[\d,_]*)(?:\s*(?:\/|of)\s*(\d[\d,_]*))?(?![\d%A-Za-z]|[.:-]\d)/;
/** Parts of a name that leave it the step of the training. */
const PART_OF_STEP = new Set(['global', 'train', 'training', 'trainer', 'current', 'cur', 'optimizer', 'optimiser']);
/** Words before `step` that make it something else: a limit, a distance, where something began. */
const OTHER_STEP = new Set(
  'total max maximum min warmup num number every per each optimization optimisation save eval log logging of until from to by last next first time'.split(
    ' ',
  ),
);
const NOT_WHERE_IT_IS = /resum|restor|load|checkpoint|\bsav(?:e|ed|ing)\b|\bwill\b|\bdecay at\b|\bbest\b/i;
const TOTAL = /(?<![A-Za-z])(total|max|num)((?:[ _][A-Za-z]+){0,2})[ _]steps\s*[=:]\s*(\d[\d,_]*)/i;
const EPOCH = /(?<![A-Za-z_])epoch(?:\(train\))?\s*[:=#]?\s*[[(]?\s*(\d+(?:\.\d+)?)/i;
/**
 * A boosting round: XGBoost and LightGBM write `[3]` and a tab, CatBoost `3:`, a tab and `learn:`. Stable-Baselines3 has its
 * step in a row of a table.
 */
const ROUND = /^(?:\[(\d+)\]\t[^:\t]{1,64}:|(\d+):\tlearn:|\|\s{1,64}total_timesteps\s{1,64}\|\s{1,64}(\d+)\s)/;

/** Whether the line tells a boosting round, which XGBoost counts from 0 in each life, also when it goes on from a model. */
export function tellsRound(line: string): boolean {
  return /^\[\d+\]\t/.test(line.trim());
}

function inText(text: string): ProgressLine | null {
  const round = ROUND.exec(text);
  if (round !== null) return { step: Number(round[1] ?? round[2] ?? round[3]), total: null, epoch: null, bar: null };
  const epoch = EPOCH.exec(text);
  const named = lastNamed(text);
  // `Epoch [2/10], Step [300/938]` counts anew in each epoch.
  const withinEpoch = epoch !== null && named?.total !== null;
  const progress = {
    step: withinEpoch ? null : (named?.step ?? null),
    total: withinEpoch ? null : (named?.total ?? totalIn(text)),
    epoch: epoch === null ? null : Number(epoch[1]),
    bar: null,
  };
  return progress.step === null && progress.total === null && progress.epoch === null ? null : progress;
}

function lastNamed(text: string): { readonly step: number; readonly total: number | null } | null {
  let last: { readonly step: number; readonly total: number | null } | null = null;
  for (const match of text.matchAll(NAMED)) {
    const number = NUMBER.exec(text.slice(match.index + match[0].length, match.index + match[0].length + 64));
    if (number === null || !namesTheStep(text, match)) continue;
    last = { step: digits(number[1]) ?? 0, total: digits(number[2]) };
  }
  return last;
}

function namesTheStep(text: string, { index, 1: parts = '' }: RegExpExecArray): boolean {
  const names = parts
    .toLowerCase()
    .split(/[_/.-]/)
    .filter((part) => part !== '');
  if (!names.every((part) => PART_OF_STEP.has(part))) return false;
  const before = text.slice(Math.max(0, index - 256), index);
  const word = /([A-Za-z]+)[ \t]*$/.exec(before.slice(-24))?.[1]?.toLowerCase();
  return (word === undefined || !OTHER_STEP.has(word)) && !NOT_WHERE_IT_IS.test(before);
}

function totalIn(text: string): number | null {
  const [, , between = '', number] = TOTAL.exec(text) ?? [];
  return number === undefined || /warm|save|log|eval|accum/i.test(between) ? null : digits(number);
}

function digits(text: string | undefined): number | null {
  if (text === undefined) return null;
  const number = Number(text.replaceAll(/[,_]/g, ''));
  return Number.isSafeInteger(number) ? number : null;
}
