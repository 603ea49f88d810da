import type { LaunchEvent } from '@runctl/protocol/events';
import { RunctlError, isRunctlError, messageOf } from '@runctl/core';
import {
  encodeDocument,
  launchMachines,
  runKeys,
  runSpec,
  sha256OfDocument,
  type RunSpec,
  type LaunchMachines,
} from '@runctl/protocol';
import type { AskAnew } from '../follow/follow-capacity.ts';
import { isHopeless } from '../follow/hopeless.ts';
import { readDocument } from '../documents.ts';
import { capacityOf } from '../run/launched-capacity.ts';
import { checkName, createRun } from './create-run.ts';
import type { LaunchPlan } from './launch-plan.ts';
import type { LaunchPorts } from './launch-ports.ts';
import { startLaunch } from './start-launch.ts';
import type { Tools } from './tools.ts';

export interface Launched {
  readonly spec: RunSpec;
  readonly machines: LaunchMachines;
  readonly askAnew: AskAnew;
  /** Of the spec as this laptop wrote it. */
  readonly specSha256: string;
  /**
   * Takes everything of the run back (machines, documents, name) when `error` says that its launch will never have a machine, and
   * leaves it alone otherwise. Resolves with the error to show.
   */
  readonly giveUp: (error: unknown) => Promise<unknown>;
}

/**
 * Makes a run of a plan and launches it. When it fails, whatever was made is taken back (snapshot and tools stay: they
 * are named by content and the next launch uses them); the error says so.
 */
export async function* launchRun(
  ports: LaunchPorts,
  plan: LaunchPlan,
  tools: Tools,
): AsyncGenerator<LaunchEvent, Launched> {
  await checkName(ports.cloud.store, plan.wish.name);
  const { spec, tools: keys, undo } = yield* createRun(ports, plan, tools);
  const { market, offers, fallbackOffers, architecture, target } = plan;
  yield { type: 'run-created', run: spec.run, name: spec.name };
  const specBytes = encodeDocument(runSpec, spec);
  try {
    const { machines, askAnew } = await startLaunch(ports, {
      spec,
      specBytes,
      launch: 1,
      tools: keys,
      market,
      offers,
      fallbackOffers,
      architecture,
      target,
      wish: plan.wish,
    });
    yield { type: 'requested', run: spec.run, launch: 1, id: ports.cloud.provider.nameOf(machines.ref) };
    return {
      spec,
      specSha256: sha256OfDocument(specBytes),
      machines,
      askAnew,
      async giveUp(error) {
        if (!isHopeless(error)) return error;
        await abandon(ports, machines, undo);
        const message = `${error.message}; nothing of the launch is left`;
        return new RunctlError(error.code, message, { hint: error.hintParts, cause: error });
      },
    };
  } catch (error) {
    // Capacity that could not be ended needs the run's documents, so that `stop` finds it; so does who resumed the run meanwhile.
    if (!isRunctlError(error) || (error.details['cleanedUp'] !== false && error.code !== 'run-active'))
      await removed(undo, error);
    throw error;
  }
}

async function abandon(ports: LaunchPorts, machines: LaunchMachines, undo: () => Promise<void>): Promise<void> {
  const { provider, store } = ports.cloud;
  const { run, launch } = machines;
  const keys = runKeys(run).launch(launch);
  // Machines may have been asked for anew since.
  const now = (await readDocument(store, launchMachines, keys.machines))?.document ?? machines;
  const ref = await capacityOf(provider, run, { launch, intent: null, machines: now, outcome: null });
  await provider.end({ run, launch, ref }, { terminate: true });
  await store.delete([keys.machines, keys.intent]);
  await undo();
}

async function removed(undo: () => Promise<void>, cause: unknown): Promise<void> {
  try {
    await undo();
  } catch (error) {
    throw new RunctlError(
      'cloud-error',
      `${messageOf(cause)}; the run's documents could not be removed: ${messageOf(error)}`,
      {
        cause,
      },
    );
  }
}
