import type { Doubt } from '../../contract/recogniser.ts';
import { examineDcpWithin } from './dcp.ts';
import { moreMayCome, newerThan } from './doubts.ts';
import {
  finding,
  type Finding,
  type Folder,
  type FolderRule,
  folderRecogniser,
  withAllBelow,
  type FrameworkLook,
} from './folders.ts';
import { missingRank } from './ranks.ts';
import { parentOf, stepInName } from '../../look/names.ts';

interface Tracked {
  readonly name: string;
  /** File beside the folders that is written last and names the newest. */
  readonly tracker: string;
  readonly naming: RegExp;
  readonly names: (text: string, folder: string) => boolean;
  /** What the framework writes into the tracker once this folder is finished, but for spaces and line ends. */
  readonly textFor: (folder: string) => string;
  /** Whether a folder holds what this framework writes. */
  readonly holds: (folder: Folder) => boolean;
  readonly missing: (folder: Folder) => string | null;
}

const DEEPSPEED_MODEL = /(?:^|_)mp_rank_(\d+)_model_states\.pt$/;
const DEEPSPEED_OPTIMIZER = /zero_pp_rank_(\d+)_mp_rank_(\d+)_optim_states\.pt$/;

/** deepspeed/runtime/engine.py, `save_checkpoint`: `<tag>/*_model_states.pt`, `*_optim_states.pt` of every rank, then `latest`. */
const deepspeed: Tracked = {
  name: 'deepspeed',
  tracker: 'latest',
  naming: /^global_step\d+$/,
  names: (text, folder) => text.trim() === folder,
  textFor: (folder) => folder,
  holds: (folder) =>
    namesOf(folder).some((name) => name.endsWith('_model_states.pt') || name.endsWith('_optim_states.pt')),
  missing: (folder) => {
    const names = namesOf(folder);
    if (!names.some((name) => name.endsWith('_model_states.pt')))
      return `${folder.path}/mp_rank_00_model_states.pt is missing`;
    return (
      missingRank(folder.path, names, {
        pattern: DEEPSPEED_OPTIMIZER,
        name: (rank) => `optimizer states of rank ${rank}`,
        atLeast: 1,
      }) ??
      missingRank(folder.path, names, {
        pattern: DEEPSPEED_MODEL,
        name: (rank) => `model states of mp_rank ${rank}`,
        atLeast: 1,
      })
    );
  },
};

/** megatron/training/checkpointing.py: `iter_<7 digits>/…`, then `latest_checkpointed_iteration.txt` with the number. */
const megatron: Tracked = {
  name: 'megatron',
  tracker: 'latest_checkpointed_iteration.txt',
  naming: /^iter_\d{7}$/,
  names: (text, folder) => text.trim() === 'release' || Number(text.trim()) === numberIn(folder),
  textFor: (folder) => String(numberIn(folder)),
  holds: (folder) =>
    /^iter_\d{7}$/.test(folder.name) &&
    folder.all.some(({ path }) => /(?:\/model_optim_rng\.pt|\.distcp|\/common\.pt|distrib_optim\.pt)$/.test(path)),
  missing: (folder) => {
    const ranks = folder.all
      .map(({ path }) => /\/(mp_rank_\d+)(?:_\d+)?\//.exec(path)?.[1])
      .filter((name) => name !== undefined);
    return missingRank(folder.path, ranks, {
      pattern: /^mp_rank_(\d+)$/,
      name: (rank) => `mp_rank_${String(rank).padStart(2, '0')}`,
      atLeast: 1,
    });
  },
};

function numberIn(folder: string): number {
  return Number(/\d+/.exec(folder)?.[0] ?? Number.NaN);
}

const KINDS = [deepspeed, megatron];

function namesOf(folder: Folder): readonly string[] {
  return Array.from(folder.own.keys());
}

function examineTracked(kind: Tracked, folder: Folder, look: FrameworkLook): Finding | null {
  if (folder.path === '' || !kind.holds(folder)) return null;
  const parent = look.folders.get(parentOf(folder.path));
  const tracker = parent?.own.get(kind.tracker);
  const step = stepInName(folder.name);
  const missing = kind.missing(folder) ?? examineDcpWithin(folder, look)?.problem ?? null;
  if (missing !== null) return finding({ step, problem: missing });
  if (tracker === undefined) {
    const why = `no ${kind.tracker} beside ${folder.path} says that it is finished`;
    return finding({ step, doubt: moreMayCome(why), evidence: 'all files of every rank that is known are there' });
  }
  const text = look.readText(tracker.path) ?? '';
  const named = kind.names(text, folder.name);
  const newer = newerThan(tracker, folder.all);
  if (newer !== null && !named)
    return finding({
      step,
      problem: `${tracker.path} says ${JSON.stringify(text.trim())}, and ${folder.path} is newer`,
    });
  const evidence = `${tracker.path}, which is written last, ${named ? 'names it' : 'is newer'}`;
  // A tracker that has gone on already says for this folder what it said when the folder was finished.
  const own = named ? text : kind.textFor(folder.name) + (/\s*$/.exec(text)?.[0] ?? '');
  return finding({ step, doubt: newer, evidence, trackers: [{ path: tracker.path, text: own, mode: tracker.mode }] });
}

function recogniserOf(kind: Tracked) {
  const rule: FolderRule = {
    name: kind.name,
    naming: kind.naming,
    examine: (folder, look) => examineTracked(kind, folder, look),
  };
  return folderRecogniser(rule);
}

export const deepspeedRecogniser = recogniserOf(deepspeed);
export const megatronRecogniser = recogniserOf(megatron);

/** Folders of DeepSpeed or Megatron inside another framework's; null when there are none. */
export function examineTrackedWithin(
  folder: Folder,
  look: FrameworkLook,
): { problem: string | null; doubt: Doubt | null } | null {
  const findings: Finding[] = [];
  for (const each of withAllBelow(folder))
    if (each !== folder)
      for (const kind of KINDS) {
        const known = examineTracked(kind, each, look);
        if (known !== null) findings.push(known);
      }
  if (findings.length === 0) return null;
  return {
    problem: findings.find((each) => each.problem !== null)?.problem ?? null,
    doubt: findings.find((each) => each.doubt !== null)?.doubt ?? null,
  };
}
