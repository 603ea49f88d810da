import type { WorkloadExit } from '../lifecycle/model.ts';
import { endingError } from './hidden-failure.ts';

/** Why a workload failed, as far as its own last words tell. */
export interface FailureReason {
  /** A part of the failure's name: `No module named 'torch' for /usr/bin/python3 (Python 3.12.3)`. */
  readonly what: string;
  /** What a person can do. */
  readonly advice: string;
  /** Another start on such a machine would fail in the same way. */
  readonly isHopeless: boolean;
}

export interface LastWords {
  readonly exit: WorkloadExit | null;
  /** The last lines of the output of this start. */
  readonly lines: readonly string[];
  /** The interpreter for people, `/usr/bin/python3 (Python 3.12.3)`; null where none is known. */
  readonly interpreter: string | null;
  /** Whether the project has a module or package of this name. */
  readonly isOfProject: (name: string) => boolean;
}

/** An exit code by which shells say that a program could not be started (POSIX.1-2017, Shell Command Language, 2.8.2). */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** Null where nothing tells: a program that a signal ended may have said anything before. */
export function failureReason(words: LastWords): FailureReason | null {
  const { code = null, signal = null } = words.exit ?? {};
  if (code === 0 || signal !== null || (code ?? 0) > NOT_FOUND) return null;
  const isHopeless = !isShell(words.interpreter);
  if (code === NOT_FOUND || code === NOT_EXECUTABLE)
    return withHope(missingLibrary(lastLine(words.lines)), isHopeless) ?? notStarted(words.lines, code);
  // A program may survive a missing module, and fail of something else.
  const line = endingError(words.lines);
  if (line === null) return null;
  const missing =
    missingModule(line, words) ?? relativeImport(line) ?? missingLibrary(line) ?? missingNodePackage(line);
  return withHope(missing, isHopeless);
}

type Missing = Omit<FailureReason, 'isHopeless'>;

const withHope = (missing: Missing | null, isHopeless: boolean): FailureReason | null =>
  missing === null ? null : { ...missing, isHopeless };

/**
 * A shell may go on after it could not install something, for want of a network maybe, and the next start may have more luck.
 * What is not known may be one.
 */
function isShell(interpreter: string | null): boolean {
  return interpreter === null || /(?:^|\/)(?:ba|da|z|k|fi)?sh(?: \(|$)/.test(interpreter);
}

/** The ways in which wrappers, shells and `env` name what they could not start. */
const NAMES: readonly RegExp[] = [
  /failed to execute ([^]+): (?:No such file or directory|Permission denied)/,
  /\benv: [‘'"]?([^]+?)[’'"]?: (?:No such file or directory|Permission denied)/,
  /: line \d+: ([^]+?): (?:command not found|No such file or directory|Permission denied|cannot execute)/,
  /: \d+: ([^]+?): (?:not found|Permission denied)/,
  /: ([^]+?): (?:command not found|not found|No such file or directory|cannot execute|bad interpreter)/,
];

function notStarted(lines: readonly string[], code: number): FailureReason {
  const name = lines
    .toReversed()
    .map((line) => NAMES.map((pattern) => pattern.exec(line)?.[1]).find((found) => found !== undefined))
    .find((found) => found !== undefined);
  const shown = name === undefined ? '' : `: ${name.replaceAll('\r', '\\r')}`;
  if (code === NOT_EXECUTABLE)
    return { what: `not executable${shown}`, advice: 'chmod +x it, or start it by its interpreter', isHopeless: true };
  if (/\\r|\^M/.test(shown))
    return {
      what: `command not found${shown}`,
      advice: "the script's lines end as on Windows: sed -i 's/\\r$//' takes that out",
      isHopeless: true,
    };
  const advice =
    name === undefined
      ? 'the machine lacks a program that was called'
      : name.includes('/')
        ? 'it is not on the machine, or the program that its #! line names is not'
        : `the machine has no ${name} in its PATH: take an image that has it, or let a command install it first${name === 'python' ? '; it may be called python3' : ''}`;
  return { what: `command not found${shown}`, advice, isHopeless: true };
}

const lastLine = (lines: readonly string[]): string => lines.findLast((line) => line.trim() !== '') ?? '';

function missingModule(line: string, { interpreter, isOfProject }: LastWords): Missing | null {
  const name = /No module named '?([\w.-]+)'?/.exec(line)?.[1];
  if (name === undefined) return null;
  const [top = name] = name.split('.');
  return {
    what: `No module named '${name}'${isPythonItself(interpreter) ? ` for ${interpreter}` : ''}`,
    advice: isOfProject(top)
      ? `${top} lies in the project: start it as a module (-m), or set --env PYTHONPATH`
      : `packages are not installed by runctl yet: take an image (--ami) or an interpreter that has ${top}, or let a command install it first`,
  };
}

/** A shell that calls Python is not what lacks a module. */
export function isPythonItself(interpreter: string | null): boolean {
  return /(?:^|\/)(?:python|pypy)[\d.]*(?: \(|$)/.test(interpreter ?? '');
}

function relativeImport(line: string): Missing | null {
  if (!/attempted relative import (with no known parent package|beyond top-level package)/.test(line)) return null;
  return {
    what: 'a relative import outside of its package',
    advice: 'start it as a module of its package: launch -m package.module',
  };
}

function missingLibrary(line: string): Missing | null {
  const name = /\b(lib[\w+.-]+\.so[\w.]*): cannot open shared object file/.exec(line)?.[1];
  if (name === undefined) return null;
  const forGpu = /^lib(cu|nv|nccl)/.test(name)
    ? 'a Deep Learning AMI, or a package built for its CUDA'
    : 'an image that has it (--ami)';
  return { what: `the machine has no ${name}`, advice: `take ${forGpu}` };
}

function missingNodePackage(line: string): Missing | null {
  const name = /Cannot find (?:package|module) '([^']+)'/.exec(line)?.[1];
  if (name === undefined) return null;
  const advice =
    'packages are not installed by runctl yet: send it with the project (--include-pattern node_modules), or let a command install it first';
  return { what: `Cannot find '${name}'`, advice };
}
