import { cp, copyFile, mkdir, readdir } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect } from 'vitest';
import * as z from 'zod';
import { eventually } from './eventually.ts';
import { repository, runctl, startRunctl, type Finished } from './runctl.ts';

const ms = z.number().nonnegative();
const step = z.int().nonnegative();

const interruption = z.strictObject({
  kind: z.enum(['notice', 'no-notice']),
  stepAtInterruption: step.nullable(),
  durableStep: step.nullable(),
  lostSteps: step.nullable(),
  noticeToSigtermMs: ms.nullable(),
  caughtTerm: z.boolean().nullable(),
  sigtermToExitMs: ms.nullable(),
  flushMs: ms.nullable(),
  newCheckpoint: z.boolean().nullable(),
  downtimeMs: ms.nullable(),
  resumedStep: step.nullable(),
});

/** What `runctl drill --json` promises to print, and nothing beside it. */
const drillReport = z.strictObject({
  type: z.literal('drill-report'),
  run: z.string().regex(/^r-/),
  level: z.enum(['process', 'lite']),
  outcome: z.string(),
  finalStep: step.nullable(),
  identicalToUninterrupted: z.boolean().nullable(),
  interruptions: z.array(interruption),
  noticeFit: z.strictObject({
    saveMs: ms.nullable(),
    sizeBytes: z.number().nullable(),
    usableMs: ms,
    neededBytesPerSecond: z.number().nullable(),
    summary: z.string(),
  }),
  verdict: z.enum(['safe', 'unsafe', 'inconclusive']),
  reasons: z.array(z.string()),
  framework: z.string().nullable(),
  advice: z.array(z.string()),
});

const EXIT_CODES = { safe: 0, unsafe: 23, inconclusive: 24 } as const;

export type DrillReport = z.infer<typeof drillReport>;

export interface DrillOptions {
  readonly flags: readonly string[];
  readonly args: readonly string[];
  /**
   * Life n of the rehearsed run waits at the nth of these steps until it is ended (support/workloads/held.py). Without them
   * the script runs as it is.
   */
  readonly holds?: readonly number[];
  /** Another drill came before, in the same temporary folder, and was killed in the middle. */
  readonly afterOneThatWasKilled?: boolean;
}

export interface Drilled {
  readonly finished: Finished;
  readonly report: DrillReport;
}

/**
 * Rehearses a script in a home of its own, and checks what holds after every rehearsal: its output is one object of the
 * promised shape, its exit code is the verdict's, and neither a process nor a file of the local cloud is left.
 */
export async function drill(script: string, options: DrillOptions): Promise<Drilled> {
  await using folder = await temporaryFolder('runctl-drill');
  const temporary = join(folder.path, 'tmp');
  await mkdir(temporary);
  const path = await placed(script, folder.path);
  // The undisturbed run that the others are compared with is a life, too.
  const calm = options.flags.includes('--compare') ? ['-'] : [];
  const command = (lives: string): string[] => {
    const { flags, args, holds } = options;
    const rehearse = (file: string, given: readonly string[]): string[] => [
      'drill',
      file,
      '--json',
      '--level',
      'process',
      ...flags,
      '--',
      ...given,
    ];
    if (holds === undefined) return rehearse(path, args);
    const held = [join(folder.path, lives), [...calm, ...holds].join(','), basename(path)];
    return rehearse(join(dirname(path), 'held.py'), [...held, ...args]);
  };
  const env = {
    // The interpreter that Debian's packages belong to comes first.
    PATH: `/usr/bin:/bin:${process.env['PATH'] ?? ''}`,
    HOME: join(folder.path, 'home'),
    XDG_CACHE_HOME: join(tmpdir(), 'runctl-e2e-cache'),
    TMPDIR: temporary,
    NO_COLOR: '1',
  };
  if (options.afterOneThatWasKilled === true) await killedDrill(command('lives-before'), env);
  const finished = await runctl(command('lives'), { env });
  expect(finished.stdout, finished.stderr).toMatch(/^\S.*\n$/);
  const report = drillReport.parse(JSON.parse(finished.stdout));
  expect(finished.exitCode, finished.stdout).toBe(EXIT_CODES[report.verdict]);
  await noProcessIsLeft(temporary);
  // Node itself leaves its compile cache.
  expect((await readdir(temporary)).filter((name) => name !== 'node-compile-cache')).toEqual([]);
  return { finished, report };
}

/** What a drill leaves that is killed while a machine of it runs: a folder, and soon no process. */
async function killedDrill(
  command: readonly string[],
  env: Record<string, string> & { TMPDIR: string },
): Promise<void> {
  const killed = startRunctl(command, { env });
  const left = async (): Promise<string[]> =>
    (await readdir(env.TMPDIR, { recursive: true })).filter((name) => name.includes('/instances/i-'));
  await eventually('the drill has a machine', async () => (await left()).length > 0);
  killed.kill('SIGKILL');
  await killed;
  await noProcessIsLeft(env.TMPDIR);
  expect((await readdir(env.TMPDIR)).filter((name) => name.startsWith('runctl-'))).toHaveLength(1);
}

async function noProcessIsLeft(folder: string): Promise<void> {
  await eventually('no process of the local cloud is left', async () => processesNaming(folder).length === 0);
}

/** A project of the script and what lies beside it, and of what holds its lives. */
async function placed(script: string, folder: string): Promise<string> {
  const project = join(folder, 'project');
  const workloads = join(repository, 'e2e/support/workloads');
  if (script.includes('/') && !script.startsWith('strangers/'))
    await cp(join(repository, dirname(script)), project, { recursive: true });
  else {
    await mkdir(project);
    await copyFile(join(workloads, script), join(project, basename(script)));
  }
  await copyFile(join(workloads, 'held.py'), join(project, 'held.py'));
  return join(project, basename(script));
}

/** Processes whose environment or command line names the folder. Linux only; elsewhere the list is empty. */
function processesNaming(folder: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return ['environ', 'cmdline'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(folder));
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}
