import { assertNever } from '@runctl/core';
import * as z from 'zod';
import { openEnum, timestamp, versioned } from '../codec.ts';
import { runId } from '../run-id.ts';
import { timing } from '../timing.ts';
import { defaultRetention, retentionPolicy } from './retention.ts';

/** The code that is trained: a snapshot in the bucket. */
export const runProject = z.object({
  name: z.string().min(1),
  treeHash: z.string(),
  /** Archive of the snapshot: gzip'd tar. */
  archiveKey: z.string(),
  archiveSha256: z.string(),
  archiveSizeBytes: z.number().int(),
});
export type RunProject = z.output<typeof runProject>;

const environment = z.record(z.string(), z.string());

/** A script of the project. */
export const scriptWorkload = z.object({
  kind: z.literal('script'),
  /** Path inside the project, with `/`. */
  script: z.string().min(1),
  args: z.array(z.string()),
  env: environment,
  /** Command that runs the script, `["python3"]`; empty when the script is itself executable. */
  interpreter: z.array(z.string()),
});
export type ScriptWorkload = z.output<typeof scriptWorkload>;

/** A Python module by its dotted name, of the project or of the machine. */
export const moduleWorkload = z.object({
  kind: z.literal('module'),
  /** `package.train`. */
  module: z.string().min(1),
  args: z.array(z.string()),
  env: environment,
  /** Command that takes `-m`: `["python3"]`. */
  interpreter: z.array(z.string()).min(1),
  /** Folders of the project that PYTHONPATH begins with, with `/`; '' is the project itself, '..' the folder that it lies in. */
  importRoots: z.array(z.string()),
});

/** Any command; its first word is looked up in PATH, or is a path from the folder in which it starts. */
export const commandWorkload = z.object({
  kind: z.literal('command'),
  command: z.array(z.string()).min(1),
  /** Folder of the project in which it starts, with `/`; '' is the project itself. */
  folder: z.string().default(''),
  env: environment,
});

/** A container image with its command; an empty command means the image's own. */
export const containerWorkload = z.object({
  kind: z.literal('container'),
  image: z.string().min(1),
  /** `sha256:…`; null until a launch has resolved it. */
  digest: z.string().nullable(),
  command: z.array(z.string()),
  env: environment,
});

export const workload = z.discriminatedUnion('kind', [
  scriptWorkload,
  moduleWorkload,
  commandWorkload,
  containerWorkload,
]);
export type Workload = z.output<typeof workload>;

/** What a list calls a workload: `train.py`, `-m package.train`, `make train`, `ghcr.io/me/train`. */
export function workloadLabel(what: Workload): string {
  switch (what.kind) {
    case 'script':
      return what.script;
    case 'module':
      return `-m ${what.module}`;
    case 'command':
      return what.command.join(' ');
    case 'container':
      return what.image;
    default:
      return assertNever(what);
  }
}

/** `runs/<run>/spec.json`: what to run; immutable. */
export const runSpec = versioned.extend({
  run: runId,
  name: z.string().nullable(),
  createdAt: timestamp,
  /** Who launched it, `user@host`. */
  launchedBy: z.string(),
  nodes: z.number().int().min(1),
  /** Null for a workload that needs no code of its own. */
  project: runProject.nullable(),
  workload,
  /** For people: what of the start was guessed and why, one sentence each. Left out where nothing was. */
  reasons: z.array(z.string()).optional(),
  checkpoint: z.object({
    /** Relative to the project, or absolute on the machine. */
    dir: z.string().min(1),
    resume: openEnum(['auto', 'never']),
    /** How the path of what to resume from reaches the script besides RUNCTL_RESUME_FROM: `--resume {path}`. */
    resumeArgument: z.string().nullable(),
    keep: retentionPolicy.default(defaultRetention),
    /** Finds the step in a line of the log, in place of the reader; see `stepPattern`. */
    stepPattern: z.string().optional(),
    /** A folder that is kept besides, as `dir` is written; left out where there is none. */
    outputDir: z.string().min(1).optional(),
  }),
  policy: z.object({
    /** Shortens the time the script has after SIGTERM; null = the whole window. */
    graceMs: z.number().int().nonnegative().nullable(),
    budgetUsd: z.number().positive().nullable(),
    maxInterruptions: z.number().int().nonnegative().nullable(),
    maxCrashes: z.number().int().nonnegative(),
  }),
  timing,
});
export type RunSpec = z.output<typeof runSpec>;

/** `project/<n>.json`: another snapshot for the run's next machines. The highest number counts; 0 is the specification's own. */
export const projectRevision = versioned.extend({
  run: runId,
  revision: z.number().int().min(1),
  at: timestamp,
  by: z.string(),
  project: runProject,
});
export type ProjectRevision = z.output<typeof projectRevision>;

/** `names/<name>`: made once with If-None-Match, so that a name belongs to one run. */
export const nameDocument = versioned.extend({ run: runId, createdAt: timestamp, nonce: z.string() });

/** `index/<inverted ms>-<run>`. */
export const indexDocument = versioned.extend({
  run: runId,
  name: z.string().nullable(),
  /** What a list calls the workload. */
  workload: z.string(),
  createdAt: timestamp,
});
