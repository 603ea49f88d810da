import { stripVTControlCharacters } from 'node:util';
import { readProgressLine } from '@runctl/protocol';

const LONGEST_WORDS = 200;
/** The prefix of a rank's lines (torchrun's logs, PyTorch's hook for exceptions). */
const RANK = /^\[(?:rank|default)?\d+\]:\s?/;

/** Node ends with its version, below the error and its stack. */
const NODE = /^Node\.js v\d+\.\d+\.\d+$/;
const NODE_ERROR = /^(?:Uncaught )?\w*Error\b.*: /;

/** One line by which shells, runtimes and launchers tell of a program that failed. */
const SIGNS: readonly RegExp[] = [
  /^(?:Killed|Segmentation fault|Bus error|Aborted|Illegal instruction|Floating point exception)(?: \(core dumped\))?$/,
  // Bash says `Killed` of a helper too that a script ends with `kill -9`.
  /^\S+: line \d+:\s+\d+ (?:Segmentation fault|Bus error|Aborted|Illegal instruction|Floating point exception)\s/,
  /^\S+: line \d+: \S+: command not found$|^\S+: \d+: \S+: not found$/,
  /^\S*python[\d.]*: (?:can't open file|No module named|Error while finding module) /,
  NODE,
  /^Execution halted$/,
  /^terminate called after throwing an instance of /,
  /\bexits with return code = -?[1-9]/,
];

/** What is printed behind the words of a failure, and never while a training goes on. */
const AFTERMATH: readonly RegExp[] = [
  /^(?:[-=*]{10,})?$/,
  /^(?:\S+ FAILED|Failures:|Root Cause \(first observed failure\):)$/,
  /^ {2}(?:(?:time|host|rank|exitcode|error_file|traceback) *: |<NO_OTHER_FAILURES>$|what\(\): )/,
  /^(?:Set the environment variable HYDRA_FULL_ERROR=1|For simplicity, JAX has removed) /,
  /^(?:CUDA kernel errors might be |For debugging consider passing CUDA_LAUNCH_BLOCKING|Compile with `TORCH_USE_CUDA_DSA`|Search for `cudaError)/,
  /^(?:wandb|srun: error|make(?:\[\d+\])?|Extension modules):(?: |$)/,
  /^\[W\d{3,}.*Warning: /,
  /resource_tracker\.py:\d+: UserWarning: |^\s+warnings\.warn\(/,
];

/**
 * The words with which the output of a program ends that failed: an uncaught exception, a death by a signal, a launcher's
 * report. Null where the output goes on after such words, or ends with anything else. Tells what an exit code of 0 hides.
 */
export function lastWordsOfFailure(output: readonly string[]): string | null {
  const lines = plainLines(output);
  return lines[failureAt(lines)]?.trim().slice(0, LONGEST_WORDS) ?? null;
}

/** Like `lastWordsOfFailure`, uncut, and below a launcher's report what the worker said that ended last. */
export function endingError(output: readonly string[]): string | null {
  const lines = plainLines(output);
  const at = failureAt(lines);
  const words = lines[at] ?? '';
  if (NODE.test(words)) return lines.findLast((line) => NODE_ERROR.test(line)) ?? null;
  if (!LAUNCHERS_WORDS.test(words)) return lines[at]?.trim() ?? null;
  const own = lines.slice(0, tracebackAbove(lines, at) ?? at);
  const last = own.findLastIndex((line) => FRAME.test(line) || isSign(line));
  return own.slice(Math.max(0, last)).find((line) => !isIndented(line)) ?? null;
}

const plainLines = (output: readonly string[]): readonly string[] =>
  output.map((line) => stripVTControlCharacters(line).replace(RANK, '').trimEnd());

/** The line of the words that `lastWordsOfFailure` finds; -1 for none. */
function failureAt(lines: readonly string[]): number {
  const at = withoutDetails(
    lines,
    lines.findLastIndex((line) => !isAftermath(line)),
  );
  const words = lines[at];
  if (words === undefined || hasGoneOn(lines.slice(at + 1))) return -1;
  return isSign(words) || isUsageError(lines, at) || isUncaught(lines, at) ? at : fatalErrorAt(lines, at);
}

const isSign = (words: string): boolean => SIGNS.some((sign) => sign.test(words));

function isAftermath(line: string): boolean {
  return AFTERMATH.some((pattern) => pattern.test(line)) || barOf(line) !== null;
}

/** A message that ends with a colon is followed by indented details (`Error(s) in loading state_dict for Net:`). */
function withoutDetails(lines: readonly string[], last: number): number {
  const at = lines.findLastIndex((line, index) => index <= last && !isIndented(line));
  return lines[at]?.endsWith(':') === true ? at : last;
}

const isIndented = (line: string): boolean => /^\s/.test(line);
const barOf = (line: string) => readProgressLine(line)?.bar ?? null;

/** tqdm draws its bar once more where an exception ends it. One that moves, or is full, belongs to a training that went on. */
function hasGoneOn(after: readonly string[]): boolean {
  const reached = new Map<string, number>();
  return after.map(barOf).some((bar) => {
    if (bar === null) return false;
    const name = `${bar.label} ${bar.total}`;
    const before = reached.get(name) ?? bar.at;
    reached.set(name, bar.at);
    return bar.at === bar.total || bar.at !== before;
  });
}

/** As argparse and click end: what is wrong, below how the program is used. */
function isUsageError(lines: readonly string[], at: number): boolean {
  return /^(?:\S+: error|Error): /.test(lines[at] ?? '') && lines.slice(0, at).some((line) => /^usage: /i.test(line));
}

const STACK = /^(?:Current thread|Thread) 0x[0-9a-f]+.*\(most recent call first\):$/;

/** The line of Python's own last words, above the stacks of its threads; -1 where no such stack ends at `at`. */
function fatalErrorAt(lines: readonly string[], at: number): number {
  if (!STACK.test(lines[at] ?? '')) return -1;
  const begin = lines.findLastIndex((line, index) => index < at && !isIndented(line) && !STACK.test(line));
  return lines.findIndex(
    (line, index) => index >= begin - 1 && index <= begin && line.startsWith('Fatal Python error: '),
  );
}

const EXCEPTION = /^(?:\w+\.)*(?:_*[A-Z]\w*|\w*error)(?::(?: .*)?)?$/;
const ERROR = /^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b/;
const HEADER = /Traceback \(most recent call last\)/;
const FRAME = /^\s+File ".+", line \d+/;
const CHAINED = /^(?:During handling of the above exception|The above exception was the direct cause)/;
/** Said above the traceback of an exception that did not end the program: Python's own words, and a logger's. */
const SURVIVED =
  /^(?:Exception ignored|Exception in thread|Exception in callback|Task exception|handle: |future: |--- Logging error)|\b(?:WARNING|WARN|ERROR|CRITICAL)\b/;
/** Launchers log how their workers ended, and then end with it. */
const OF_LAUNCHERS = /ChildFailedError|CalledProcessError|ProcessRaisedException|ProcessExitedException/;

/** The words with which a launcher ends whose worker has failed. */
const LAUNCHERS_WORDS = new RegExp(`${OF_LAUNCHERS.source}|SystemExit|exits with return code = `);

/** Whether the line is that of an exception which nothing caught, below its traceback. */
function isUncaught(lines: readonly string[], at: number): boolean {
  const begin = tracebackAbove(lines, at);
  return begin !== null && (OF_LAUNCHERS.test(lines[at] ?? '') || !isSurvived(lines, begin));
}

/** The line at which the traceback begins that ends with this exception; null where it is none. */
function tracebackAbove(lines: readonly string[], at: number): number | null {
  const words = lines[at] ?? '';
  if (!EXCEPTION.test(words)) return null;
  const above = lines.findLastIndex((line, index) => index < at && !/^[\s│╭╰]/.test(line));
  const begin = HEADER.test(lines[above] ?? '') ? above : above + 1;
  const block = lines.slice(begin, at);
  const isTraceback =
    block.some((line) => HEADER.test(line)) || (ERROR.test(words) && block.some((line) => FRAME.test(line)));
  return isTraceback ? begin : null;
}

function isSurvived(lines: readonly string[], begin: number): boolean {
  const above = lines[begin - 1] ?? '';
  if (!CHAINED.test(above)) return SURVIVED.test(above);
  const earlier = tracebackAbove(lines, begin - 2);
  return earlier !== null && isSurvived(lines, earlier);
}
