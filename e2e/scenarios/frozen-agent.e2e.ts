import { expect, test } from 'vitest';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { livingInstances } from '../support/breaking.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

/** The standstill is then 15 s, its least. */
const TIME_SCALE = 0.01;
const PATIENCE_MS = 120_000;

/** Stops the processes of every agent on the machine, for good: those too that are started again. */
const FREEZE_EVERY_AGENT = `nohup sh -c '
while sleep 0.1; do
  for pid in $(pgrep -f "$RUNCTL_INSTANCE_ROOT/opt/runctl/agent.mjs"); do kill -STOP $pid; done
done' >/dev/null 2>&1 &`;

test.concurrent(
  'an agent that stands still is started again, and its script trained on all the time',
  async () => {
    await using world = await World.start({ timeScale: TIME_SCALE });
    const run = await launchDetached(world, 'counter', { args: ['5000', '0.1'] });
    const { machineId } = await reachesStep(world, run, 1, 2);
    const frozen = await agentProcess(world, run);
    await onInstance(world, machineId, `kill -STOP ${frozen}`);
    const before = (await world.bucket.status(run, 1))?.step ?? 0;

    const next = await eventually(
      'another agent',
      async () => {
        const pid = await agentProcess(world, run);
        return pid !== frozen && pid;
      },
      PATIENCE_MS,
    );
    // More steps than a script that was started anew could have made in the meantime.
    await reachesStep(world, run, 1, before + 100);
    expect(await livingInstances(world, run)).toEqual([machineId]);
    await durableStep(world, run, before + 1);
    expect(await agentProcess(world, run)).toBe(next);
  },
  PATIENCE_MS * 2,
);

test.concurrent(
  'a machine whose agent stands still again and again powers off, and the next one goes on',
  async () => {
    await using world = await World.start({ timeScale: TIME_SCALE });
    const run = await launchDetached(world, 'counter', { args: ['5000', '0.1'] });
    const { machineId } = await reachesStep(world, run, 1, 2);
    await onInstance(world, machineId, FREEZE_EVERY_AGENT);
    await eventually('it is off', async () => !(await livingInstances(world, run)).includes(machineId), PATIENCE_MS);
    const { step } = await reachesStep(world, run, 2, 3);
    expect(step).toBeGreaterThan(0);
  },
  PATIENCE_MS * 2,
);
