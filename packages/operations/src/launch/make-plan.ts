import { snapshot, type Start } from '@runctl/workspace';
import { bucketKeys, workloadLabel } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { missingPromises } from '../provider/missing-promises.ts';
import { checkName, workloadOf } from './create-run.ts';
import { countablePlace } from './countable-budget.ts';
import { findPlace } from './find-place.ts';
import { lastRunOf } from './last-run.ts';
import type { LaunchPlan, LaunchWish } from './launch-plan.ts';
import { longestLaunchMs } from './longest-launch.ts';

export interface PlanOptions {
  readonly wish: LaunchWish;
  /** What runs, and the project that it belongs to. */
  readonly start: Start;
  readonly detach: boolean;
  /** Who launches it, as a spec names them. */
  readonly user: string;
  /** Patterns of what is sent although git ignores it or it may hold secrets. */
  readonly include: readonly string[];
  /** Home of the person, whose secrets stay there. */
  readonly home: string;
  /** Also notes which secrets git ignores. */
  readonly tellIgnored: boolean;
  /** Folder for the archive. */
  readonly into: string;
}

/** Looks at everything that a launch needs and changes nothing anywhere. Errors: `name-taken`; those of project, snapshot and provider. */
export async function makePlan(cloud: Cloud, options: PlanOptions): Promise<LaunchPlan> {
  const { wish, into, include, start, home, tellIgnored, user } = options;
  const { project } = start;
  await checkName(cloud.store, wish.name);
  const { dir, outputDir } = wish.checkpoint;
  const exclude = [dir, outputDir ?? null].flatMap((folder) => keptFolder(folder));
  const required = [project.script, start.interpreterFile ?? null].filter((file) => file !== null);
  const packing = snapshot(project.root, { into, exclude, include, home, tellIgnored, required });
  // The bucket first: its answer tells the time, by which prices are asked for.
  const asking = bucketAnswers(cloud).then(() =>
    findPlace(cloud.provider, { ...wish, fallsBack: wish.onDemandAfterMs !== null }),
  );
  const remembering = lastRunOf(cloud.store, {
    label: workloadLabel(workloadOf(start.words, {})),
    project: project.name,
    launchedBy: user,
  });
  // Whichever part fails, nothing goes on in the background afterwards.
  await Promise.allSettled([packing, asking, remembering]);
  const { assumedPriceUsd, policy } = wish;
  const found = countablePlace(await asking, { budgetUsd: policy.budgetUsd, assumedPriceUsd });
  const { name, place, can, markets } = cloud.provider;
  return {
    start,
    snapshot: await packing,
    wish: found.fallbackOffers.length > 0 ? wish : { ...wish, onDemandAfterMs: null },
    ...found,
    provider: {
      name,
      place,
      can,
      switchesMarket: markets !== undefined,
      target: cloud.provider.describe(found.target),
      missing: missingPromises(can),
    },
    detach: options.detach,
    endsAfterMs: longestLaunchMs({ ...wish, ...wish.policy, ...found, nodes: 1 }),
    lastRun: await remembering,
  };
}

/** What a run kept in a folder of the project is none of the next one's code. */
function keptFolder(folder: string | null): readonly string[] {
  if (folder === null || folder.startsWith('/') || folder.startsWith('~')) return [];
  return [folder.replace(/^\.\//, '').replace(/\/+$/, '')];
}

/** A bucket that is missing or forbidden is told before anything is asked or made. */
async function bucketAnswers(cloud: Cloud): Promise<void> {
  for await (const _ of cloud.store.list({ prefix: bucketKeys.indexFolder(), limit: 1 })) return;
}
