import { basename } from 'node:path';

/** The word that a process was started with and those after it. */
export interface CommandLine {
  /** Each word ends with a NUL. */
  readonly command: string;
}

const SHELL = /^-?(ba|da|a|z|k|mk|fi)?sh$/;
/** Programs that run others and do not repeat their words. */
const RUNNER = /^(make|gmake|ninja|just|task|invoke|npm|npx|mpirun|mpiexec|orterun|prterun|srun|tmux|screen|parallel)$/;
/** Children that are the same program in Python's terms: multiprocessing by spawn and forkserver, and joblib's. */
const PYTHON_PART = /--multiprocessing-fork|multiprocessing\.(spawn|forkserver|resource_tracker)|popen_loky_posix/;
/** Variables that launchers give to each of their workers. */
const RANK = /(^|\0)(LOCAL_RANK|OMPI_COMM_WORLD_RANK|PMI_RANK|PMIX_RANK|HOROVOD_RANK|SLURM_PROCID)=/;
const SOURCE_FILE = /\.(py|jl|r|js|mjs|ts|lua|rb|pl|m|jar)$/i;

const wordsOf = ({ command }: CommandLine): readonly string[] => command.split('\0').filter((word) => word !== '');

/** Whether a launcher started the process as one of its workers. */
export function isRank({ environment }: { readonly environment: string }): boolean {
  return RANK.test(environment);
}

/** Whether a child is a further process of its parent's program: forked, or started by Python's own means for that. */
export function isPartOf(child: CommandLine, parent: CommandLine): boolean {
  return child.command === parent.command || PYTHON_PART.test(child.command);
}

/** Whether the process is there to run others: a shell, a build tool. What it catches SIGTERM for is not its own work. */
export function isRunner(process: CommandLine): boolean {
  const program = basename(wordsOf(process)[0] ?? '');
  return SHELL.test(program) || RUNNER.test(program);
}

/** Whether the words of one process are the command of the other: `timeout 60 python train.py` runs `python train.py`. */
export function runs(runner: CommandLine, other: CommandLine): boolean {
  const [program = '', ...rest] = wordsOf(other);
  // Any other word, a folder maybe, both may have as an argument.
  const script = rest.findIndex((word) => SOURCE_FILE.test(word));
  // A launcher may have chosen another interpreter, or other options for it.
  const own = [
    [basename(program), ...rest],
    ...(rest.length > 1 ? [rest] : []),
    ...(script < 0 ? [] : [rest.slice(script)]),
  ];
  const text = ` ${wordsOf(runner).slice(1).join(' ')} `;
  return own.some((words) => text.includes(` ${words.join(' ')} `));
}

/** Whether an interpreter runs a file of source code, or a part of such a program. */
export function runsSource(process: CommandLine): boolean {
  if (PYTHON_PART.test(process.command)) return true;
  return wordsOf(process)
    .slice(1)
    .some((word) => SOURCE_FILE.test(word));
}
