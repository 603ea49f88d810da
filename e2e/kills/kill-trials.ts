import { breakS3 } from '../support/breaking.ts';
import { World } from '../support/world.ts';
import { killPlan, type KillPlan } from './kill-plan.ts';
import { type KillResult, killTrial, slowUploads } from './kill-trial.ts';

/** They need a small disk of their own. */
export const KINDS_FOR_ROOT: readonly KillPlan['kind'][] = ['full-disk'];

export interface KillTrials {
  readonly firstSeed: number;
  readonly count: number;
  /** They mostly wait, so several fit into one region and onto few cores. */
  readonly atOnce: number;
  /** Kinds that can't be done here. */
  readonly without?: readonly KillPlan['kind'][];
  readonly onResult?: (result: KillResult) => void;
  /** No trial begins after it fired. */
  readonly signal?: AbortSignal;
  /** The trials that run are given up, without a result. */
  readonly cut?: AbortSignal;
}

/** A trial that could not even be judged is a result too, with the failure as its problem. */
export async function killTrials({ firstSeed, count, atOnce, without = [], onResult, signal, cut }: KillTrials) {
  await using world = await World.start({ versioned: true });
  await breakS3(world, [slowUploads]);
  const plans = Array.from({ length: count }, (_, index) => killPlan(firstSeed + index));
  const waiting = plans.filter((plan) => !without.includes(plan.kind));
  const results: KillResult[] = [];
  const worker = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      if (signal?.aborted === true) return;
      const result = await killTrial(world, plan, cut).catch((error: unknown) => failedTrial(plan, error));
      if (cut?.aborted === true) return;
      results.push(result);
      onResult?.(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results.toSorted((a, b) => a.plan.seed - b.plan.seed);
}

/** The line of ours that failed. */
function whereOf({ stack = '' }: Error): string {
  const line = stack.split('\n').find((text) => /\/e2e\//.test(text) && !text.includes('eventually.ts'));
  return line === undefined
    ? ''
    : ` (${line
        .trim()
        .replace(/^at /, '')
        .replace(/\S*\/e2e\//, 'e2e/')})`;
}

function failedTrial(plan: KillPlan, error: unknown): KillResult {
  const problem = error instanceof Error ? `${error.message}${whereOf(error)}` : String(error);
  const nothing = { run: '', saves: 0, acknowledged: 0, lives: 0, resumedAtStep: [], gone: [], tookMs: 0 };
  return { plan, ...nothing, problems: [problem] };
}
