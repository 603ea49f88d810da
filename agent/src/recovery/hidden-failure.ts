import { stripVTControlCharacters } from 'node:util';
import { readProgressLine } from '@runctl/protocol';

const LONGEST_WORDS = 200;
/** The prefix of a rank's lines (torchrun's logs, PyTorch's hook for exceptions). */
const RANK = /^\[(?:rank|default)?\d+\]:\s?/;

/** One line by which shells, runtimes and launchers tell of a program that failed. */
const SIGNS: readonly RegExp[] = [
  /^(?:Killed|Segmentation fault|Bus error|Aborted|Illegal instruction|Floating point exception)(?: \(core dumped\))?$/,
  // Bash says `Killed` of a helper too that a script ends with `kill -9`.
  /^\S+: line \d+:\s+\d+ (?:Segmentation fault|Bus error|Aborted|Illegal instruction|Floating point exception)\s/,
  /^\S+: line \d+: \S+: command not found$|^\S+: \d+: \S+: not found$/,
  /^\S*python[\d.]*: (?:can't open file|No module named|Error while finding module) /,
  /^Node\.js v\d+\.\d+\.\d+$/,
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
  const lines = output.map((line) => stripVTControlCharacters(line).replace(RANK, '').trimEnd());
  const at = withoutDetails(
    lines,
    lines.findLastIndex((line) => !isAftermath(line)),
  );
  const words = lines[at];
  if (words === undefined || hasGoneOn(lines.slice(at + 1))) return null;
  const isSign = SIGNS.some((sign) => sign.test(words)) || isUsageError(lines, at);
  if (isSign || isUncaught(lines, at)) return words.trim().slice(0, LONGEST_WORDS);
  return fatalError(lines, at);
}

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

/** Python's own last words, above the stacks of its threads; null where no such stack ends at the line. */
function fatalError(lines: readonly string[], at: number): string | null {
  if (!STACK.test(lines[at] ?? '')) return null;
  const begin = lines.findLastIndex((line, index) => index < at && !isIndented(line) && !STACK.test(line));
  return lines.slice(Math.max(0, begin - 1), begin + 1).find((line) => line.startsWith('Fatal Python error: ')) ?? null;
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
