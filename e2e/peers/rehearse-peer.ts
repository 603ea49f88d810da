import { execa } from 'execa';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DrillReportEvent } from '@runctl/protocol/events';
import { temporaryFolder } from '@runctl/testkit';
import { repository, runctl } from '../support/runctl.ts';
import { beginningsOf } from './beginnings.ts';
import type { PeerDrill } from './drills.ts';

/** Of three interruptions with this seed the second comes without a notice. */
const INTERRUPTIONS = ['--interruptions', '3', '--no-notice', '0.34', '--seed', '25'];
const LONGEST_MS = 1_800_000;

/** How one rehearsal came out. */
export interface PeerOutcome {
  readonly drill: PeerDrill;
  readonly version: string;
  /** Null where the drill itself failed. */
  readonly report: DrillReportEvent | null;
  /** Step at which each life said that it begins, as its own framework knows it. */
  readonly beginnings: readonly (number | null)[];
  /** What is not as it should be. */
  readonly problems: readonly string[];
}

/** Rehearses one script with the interpreter that has its framework, on a local cloud of its own. */
export async function rehearsePeer(drill: PeerDrill, python: string): Promise<PeerOutcome> {
  await using folder = await temporaryFolder('runctl-peer');
  const script = await placed(drill, { python, folder: folder.path });
  const state = join(folder.path, 'state');
  const temporary = join(folder.path, 'tmp');
  await mkdir(temporary);
  const env = { PATH: '/usr/bin:/bin', HOME: join(folder.path, 'home'), TMPDIR: temporary, NO_COLOR: '1' };
  const rehearse = ['drill', script, '--json', '--level', 'process', '--time-scale', '0.2', '--state', state];
  const finished = await runctl([...rehearse, ...INTERRUPTIONS, '--', ...drill.args], { env, timeoutMs: LONGEST_MS });
  const version = await versionOf(drill.needs[0], python);
  const report = finished.stdout === '' ? null : (JSON.parse(finished.stdout) as DrillReportEvent);
  if (report === null) return { drill, version, report, beginnings: [], problems: [finished.stderr.slice(-2000)] };
  const beginnings = await beginningsOf(state);
  return { drill, version, report, beginnings, problems: problemsOf(drill, report, beginnings) };
}

function problemsOf(
  drill: PeerDrill,
  report: DrillReportEvent,
  beginnings: readonly (number | null)[],
): readonly string[] {
  const { verdict, interruptions } = report;
  const words = [...report.reasons, ...report.advice].join('\n');
  const problems: string[] = [];
  if (verdict !== drill.verdict) problems.push(`${verdict} instead of ${drill.verdict}: ${words}`);
  if (drill.says !== undefined && !drill.says.test(words)) problems.push(`does not say ${drill.says}: ${words}`);
  if (verdict !== 'safe') return problems;
  const kinds = interruptions.map(({ kind }) => kind).join(' ');
  if (kinds !== 'notice no-notice notice') problems.push(`interrupted by ${kinds}`);
  const wanted = [
    0,
    ...interruptions.map(({ durableStep }) => (durableStep ?? Number.NaN) + (drill.beginsBehind ?? 0)),
  ];
  if (wanted.join() !== beginnings.join()) problems.push(`began at ${beginnings.join()} instead of ${wanted.join()}`);
  return problems;
}

/** A project of the script and what lies beside it, each of which names the interpreter that is to run it. */
async function placed(
  { script }: PeerDrill,
  { python, folder }: { readonly python: string; readonly folder: string },
): Promise<string> {
  const project = join(folder, 'project');
  await mkdir(project);
  const from = join(repository, dirname(script));
  for (const name of await readdir(from)) {
    const text = await readFile(join(from, name), 'utf8');
    const named = name.endsWith('.py')
      ? `#!${python}\n${text}`
      : text.replace(/\bexec torchrun\b/, `exec ${join(dirname(python), 'torchrun')}`);
    await writeFile(join(project, name), named, { mode: 0o755 });
  }
  return join(project, basename(script));
}

async function versionOf(distribution: string, python: string): Promise<string> {
  const code = 'import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))';
  return (await execa(python, ['-c', code, distribution], { reject: false })).stdout.trim();
}
