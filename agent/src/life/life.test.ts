import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { systemClock } from '@runctl/core';
import type { AgentStatus } from '@runctl/protocol';
import { intercepted, type ObjectStore, StoreError } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import { askStatus } from '../endpoint/status-command.ts';
import { eventually } from '../testing/eventually.ts';
import { resultOf, RunWorld } from '../testing/run-world.ts';

test.concurrent('a run that finishes leaves its outcome, deletes its fleet and powers the machine off', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['12', '0.02'] });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({
    status: 'succeeded',
    cause: 'exited',
    exitCode: 0,
    step: 12,
    durableStep: 10,
    generation: 1,
  });
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded', cause: 'exited', exitCode: 0 });
  expect(await world.log(1)).toContain(resultOf(12));
  expect((await world.attemptOutcome(1))?.logBytes).toBe((await world.log(1)).length);
  expect(world.fleet.deletions).toBe(1);
  expect(machine.power).toEqual({ offs: 1, cancelled: 1 });
  expect(machine.priorities[0]).toBe('background');
  expect(new Set(machine.priorities.slice(1))).toEqual(new Set(['normal']));
  expect(await world.status(1)).toMatchObject({ phase: 'ended', step: 12 });
});

/** For what has to be saved within it, however slow the machine is. */
const LONG_NOTICE = { noticeMs: 30_000 };

test.concurrent('a notice becomes a saved step, and a second machine goes on from it to the same result', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['60', '0.03', '20'], timing: LONG_NOTICE });
  const first = await world.machine('i-1');
  const life = first.start();
  life.catch(() => {});
  await world.reachesStep(1, 8);
  const shownMs = Date.now();
  first.imds.notice(LONG_NOTICE.noticeMs);
  await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', cause: 'notice' });
  const drained = await world.drained(1);
  const reached = { cause: 'notice', caughtTerm: true, killed: false } as const;
  expect(drained?.drain).toMatchObject({ ...reached, newCheckpoint: true, notDurable: [] });
  expect((await world.status(1))?.workload).toMatchObject({ catchesTerm: true });
  const noted = (await first.journal()).attempt!.drain!;
  const [seenMs, termMs] = [Date.parse(noted.seenAt), Date.parse(noted.termAt)];
  // Both are cut to whole milliseconds.
  expect(seenMs).toBeGreaterThanOrEqual(shownMs - 1);
  expect(drained?.drain.noticeToSigtermMs).toBe(termMs - seenMs);
  expect(termMs + (drained?.drain.sigtermToExitMs ?? Number.NaN)).toBeLessThanOrEqual(Date.parse(drained?.at ?? ''));
  const second = await world.machine('i-2');
  expect(await second.start()).toBe('off');
  expect((await world.started(2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
  expect(await world.log(2)).toContain(resultOf(60));
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', step: 60, generation: 2 });
  expect(await world.status(2)).toMatchObject({ interruptions: 1 });
  await first.die();
});

test.concurrent('a stop that is asked for during a drain ends the launch once the save is durable', async () => {
  await using world = await RunWorld.launch({ script: 'counts-sigterms.py', args: ['1'], timing: LONG_NOTICE });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await eventually('the script is ready', async () => (await world.log(1).catch(() => '')).includes('ready'));
  machine.imds.notice(LONG_NOTICE.noticeMs);
  await eventually('the drain', async () => (await world.status(1))?.phase === 'draining');
  await world.control('stop');
  expect(await life).toBe('off');
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', cause: 'notice' });
  expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'user-stop', generation: 1 });
  expect(world.fleet.deletions).toBe(1);
});

test.concurrent('a script gets its environment, its folder and its arguments', async () => {
  await using world = await RunWorld.launch({ script: 'shows-environment.py', args: ['--lr', '0.1'] });
  const machine = await world.machine('i-1');
  await machine.start();
  const shown = JSON.parse((await world.log(1)).trim()) as Record<string, unknown>;
  expect(shown).toMatchObject({
    FROM_SPEC: 'yes',
    PYTHONUNBUFFERED: '1',
    RANK: null,
    RUNCTL_RUN_ID: world.run,
    RUNCTL_ATTEMPT: '1',
    RUNCTL_NODE: '0',
    RUNCTL_RESUME_FROM: '',
    RUNCTL_CHECKPOINT_DIR: `${machine.root}/home/ubuntu/project/checkpoints`,
    RUNCTL_PREEMPT_FILE: machine.paths.preempt,
    RUNCTL_DONE_FILE: machine.paths.done,
    cwd: `${machine.root}/home/ubuntu/project`,
    argv: ['--lr', '0.1'],
  });
});

describe('an agent that dies', () => {
  test.concurrent(
    'while the workload runs: the next one adopts it, and nothing of its log is lost or doubled',
    async () => {
      await using world = await RunWorld.launch({ script: 'counter.py', args: ['60', '0.03', '20'] });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await world.reachesStep(1, 5);
      const before = await world.status(1);
      await machine.killAgent();
      await machine.letWorkloadGo();
      expect(await machine.start()).toBe('off');
      expect((await world.status(1))?.generation).toBe(before?.generation);
      const steps = (await world.log(1)).match(/^step \d+$/gm);
      expect(steps).toEqual(Array.from({ length: 60 }, (_, index) => `step ${index + 1}`));
      expect(await world.log(1)).not.toContain('resumed');
      expect(await world.status(2)).toBeNull();
    },
  );

  test.concurrent(
    'while the workload runs, which ends before the next agent comes: its exit code is known all the same',
    async () => {
      await using world = await RunWorld.launch({ script: 'counter.py', args: ['12', '0.05', '6'] });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await world.reachesStep(1, 3);
      await machine.killAgent();
      await machine.letWorkloadGo();
      await eventually('the exit', () => existsSync(machine.paths.exit));
      expect(await machine.start()).toBe('off');
      expect(await world.outcome()).toMatchObject({ status: 'succeeded', step: 12 });
      expect(await world.log(1)).toContain(resultOf(12));
    },
  );

  test.concurrent(
    'while the workload saves after a stop: the next one lets it finish and does not tell it again',
    async () => {
      await using world = await RunWorld.launch({ script: 'counts-sigterms.py', args: ['1'] });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await eventually('the script is ready', async () => (await world.log(1).catch(() => '')).includes('ready'));
      await world.control('stop');
      await eventually('the drain', async () => ((await machine.journal()).attempt?.drain ?? null) !== null);
      await machine.killAgent();
      expect(await machine.start()).toBe('off');
      expect(await world.log(1)).toContain('preempt True\ntold 1\n');
      expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'user-stop', exitCode: 143 });
      expect((await world.drained(1))?.drain).toMatchObject({ killed: false, newCheckpoint: true });
    },
  );

  test.concurrent(
    'right after SIGTERM, before it wrote down why: the next one knows what the script saves for, and that it left by itself',
    async () => {
      await using world = await RunWorld.launch({ script: 'counts-sigterms.py', args: ['0.2'] });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await eventually('the script is ready', async () => (await world.log(1).catch(() => '')).includes('ready'));
      await machine.killAgent();
      const dying = machine.supervisor();
      await dying.adopt();
      const now = new Date().toISOString();
      const times = { seenAt: now, termAt: now, haltAt: new Date(Date.now() + 30_000).toISOString(), killAt: null };
      const why = { cause: 'notice', ...times, killed: false, stepAtStop: null, windowMs: 30_000 };
      await dying.signal('SIGTERM', JSON.stringify(why));
      await eventually('the exit', () => existsSync(machine.paths.exit));
      machine.start().catch(() => {});
      await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
      expect(await world.attemptOutcome(1)).toMatchObject({
        status: 'interrupted',
        cause: 'notice',
        exitCode: 143,
        durableStep: 1,
      });
      expect((await world.drained(1))?.drain).toMatchObject({
        cause: 'notice',
        killed: false,
        newCheckpoint: true,
      });
      expect(await world.log(1)).toContain('told 1\n');
    },
  );

  test.concurrent(
    'before it noted the start: the crash of what it started counts once, with how long it ran',
    async () => {
      const timing = { crashBackoffMs: 50 };
      await using world = await RunWorld.launch({ script: 'counter.py', args: ['40', '0.02', '20'], timing });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await world.reachesStep(1, 3);
      await machine.killAgent();
      const journal = await machine.journal();
      await writeFile(
        machine.paths.journal,
        JSON.stringify({ ...journal, attempt: { ...journal.attempt, workload: null } }),
      );
      const dying = machine.supervisor();
      await dying.adopt();
      await dying.signal('SIGKILL');
      await machine.letWorkloadGo();
      expect(await machine.start()).toBe('off');
      expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
      expect(await world.status(1)).toMatchObject({ crashes: 1 });
      expect((await machine.journal()).attempt?.crashes[0]?.ranMs).toBeGreaterThan(50);
    },
  );

  test.concurrent('in the pause after a crash: the next one does not count the crash twice', async () => {
    const timing = { crashBackoffMs: 1000, earlyFailureMs: 0 };
    await using world = await RunWorld.launch({
      script: 'crashes.sh',
      interpreter: ['/bin/sh'],
      timing,
      policy: { maxCrashes: 1 },
    });
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await eventually('the pause', async () => (await world.status(1))?.phase === 'backoff');
    await machine.killAgent();
    expect(await machine.start()).toBe('off');
    expect((await world.log(1)).match(/about to fail/g)).toHaveLength(2);
  });

  test.concurrent('while it saves after the end: the next one saves, and the run succeeds', async () => {
    const bucket = { refuses: (_key: string) => false };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['12', '0.02'], store: refusing(bucket) });
    const machine = await world.machine('i-1');
    bucket.refuses = (key) => key.includes('/manifests/');
    machine.start().catch(() => {});
    await eventually('saving', async () => (await world.status(1))?.phase === 'flushing');
    await machine.killAgent();
    bucket.refuses = () => false;
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', step: 12, durableStep: 10 });
    expect((await world.log(1)).match(/^step \d+$/gm)).toHaveLength(12);
  });

  test.concurrent('while it prepares: the next one prepares anew, and the bucket is waited for', async () => {
    const bucket = { refuses: (key: string) => key.startsWith('code/') };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['5', '0.02'], store: refusing(bucket) });
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await eventually(
      'the wait',
      async () => (await world.status(1))?.doing.startsWith('waiting for the bucket') === true,
    );
    await machine.killAgent();
    const life = machine.start();
    await systemClock.sleep(500);
    bucket.refuses = () => false;
    expect(await life).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
    expect(await world.status(1)).toMatchObject({ crashes: 0 });
  });

  test.concurrent('before it could delete the fleet: the next one finds the outcome and finishes', async () => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['2', '0.01'] });
    world.fleet.failures = 1000;
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await eventually('the outcome', async () => (await world.outcome()) !== null);
    await machine.killAgent();
    expect(machine.power.offs).toBe(0);
    world.fleet.failures = 0;
    const successor = await world.machine('i-2');
    expect(await successor.start()).toBe('off');
    expect(world.fleet.deletions).toBe(1);
    expect(successor.power.offs).toBe(1);
    expect(await world.status(2)).toBeNull();
  });
});

describe('a workload that fails', () => {
  test.concurrent('in the same way twice soon after its start is given up, with its exit code', async () => {
    await using world = await RunWorld.launch({ script: 'crashes.sh', interpreter: ['/bin/sh'] });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'failed', cause: 'crashes', exitCode: 7 });
    expect((await world.outcome())?.message).toContain('exit code 7 twice in a row');
    expect((await world.log(1)).match(/about to fail/g)).toHaveLength(2);
    expect(world.fleet.deletions).toBe(1);
  });

  test.concurrent('once is started again on the same machine from its last durable checkpoint', async () => {
    await using world = await RunWorld.launch({ script: 'crashes-once.py', args: ['20', '0.05'] });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    const log = await world.log(1);
    expect(log).toContain('resumed from step 5');
    expect(log).toContain(resultOf(20));
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', generation: 1 });
    expect(await world.status(1)).toMatchObject({ crashes: 1 });
  });

  test.concurrent('whose script does not exist is given up and says so', async () => {
    await using world = await RunWorld.launch({ script: 'missing.sh', interpreter: ['/bin/sh'] });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'failed', exitCode: expect.any(Number) });
    expect(await world.log(1)).toContain('missing.sh');
  });

  test.concurrent('is not started again when somebody asked to stop in the pause', async () => {
    const timing = { crashBackoffMs: 60_000 };
    await using world = await RunWorld.launch({ script: 'crashes.sh', interpreter: ['/bin/sh'], timing });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await eventually('the pause', async () => (await world.status(1))?.phase === 'backoff');
    await world.control('stop');
    expect(await life).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'user-stop' });
  });
});

describe('a stop', () => {
  test.concurrent('by a person saves first, ends the launch as stopped and deletes the fleet', async () => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.03'] });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await world.reachesStep(1, 7);
    await world.control('stop');
    expect(await life).toBe('off');
    const outcome = await world.outcome();
    expect(outcome).toMatchObject({ status: 'stopped', cause: 'user-stop', exitCode: 0 });
    expect(outcome?.durableStep).toBe(outcome?.step);
    expect((await world.drained(1))?.drain.windowMs).toBeNull();
    expect(world.fleet.deletions).toBe(1);
  });

  test.concurrent('for another launch is nothing to this one', async () => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['20', '0.05'] });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await world.control('stop', {}, 2);
    await life;
    expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
  });

  test.concurrent('comes when the budget is spent, and a higher budget keeps it away', async () => {
    await using world = await RunWorld.launch({
      script: 'counter.py',
      args: ['1000', '0.03'],
      policy: { budgetUsd: 0.0005 },
    });
    const machine = await world.machine('i-1'); // $3.60 an hour is $0.001 a second
    await world.control('budget', { budgetUsd: 0.002 });
    const life = machine.start();
    expect(await life).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'budget' });
    // Beyond the first budget; it ends before the second by what its saves were seen to take.
    expect((await world.attemptOutcome(1))?.costUsd).toBeGreaterThan(0.001);
  });

  test.concurrent('comes before the fleet ends by itself', async () => {
    await using world = await RunWorld.launch({
      script: 'counter.py',
      args: ['1000', '0.03'],
      validUntilMs: Date.now() + 602_000,
    });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'deadline' });
  });

  test.concurrent('that the workload ignores ends with its death within the notice, and the log is saved', async () => {
    // The short grace leaves most of the notice to what must follow, however slow the machine is.
    const [policy, timing] = [{ graceMs: 300 }, { afterKillMs: 10_000 }];
    const script = { script: 'ignores-sigterm.sh', interpreter: ['/bin/sh'] };
    await using world = await RunWorld.launch({ ...script, policy, timing });
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await eventually('the start', async () => (await world.log(1).catch(() => '')).includes('ready'));
    const noticedMs = Date.now();
    machine.imds.notice(20_000);
    await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
    expect(Date.now() - noticedMs).toBeLessThan(20_000);
    expect((await world.drained(1))?.drain).toMatchObject({ killed: true, newCheckpoint: false });
    expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', signal: 'SIGKILL' });
  });

  test.concurrent(
    'by the power button is a quick drain, after which the agent leaves and the fleet stays',
    async () => {
      await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.03'] });
      const machine = await world.machine('i-1');
      const life = machine.start();
      await world.reachesStep(1, 7);
      machine.pressPowerButton();
      expect(await life).toBe('leaving');
      const outcome = await world.attemptOutcome(1);
      expect(outcome).toMatchObject({ status: 'interrupted', cause: 'machine-shutdown' });
      expect(outcome?.durableStep).toBe(outcome?.step);
      expect(await world.outcome()).toBeNull();
      expect(world.fleet.deletions).toBe(0);
    },
  );
});

test.concurrent(
  'a right that is missing for a while when the script is to start is waited for, and is no crash',
  async () => {
    let refusals = 3;
    await using world = await RunWorld.launch({
      script: 'counter.py',
      args: ['10', '0.01'],
      store: (memory) =>
        intercepted(memory, async (call, perform) => {
          if (call.operation === 'get' && call.key?.startsWith('code/') === true && refusals-- > 0)
            throw new StoreError('denied', '403');
          return perform();
        }),
    });
    expect(await (await world.machine('i-1')).start()).toBe('off');
    expect(refusals).toBeLessThan(0);
    expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
    expect(await world.status(1)).toMatchObject({ crashes: 0 });
  },
);

describe('two machines of one run', () => {
  test.concurrent('the second waits while the first holds the lease, and leaves when the run is over', async () => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['80', '0.03', '20'] });
    const [first, second] = [await world.machine('i-1'), await world.machine('i-2')];
    const life = first.start();
    await world.reachesStep(1, 2);
    const waiting = second.start();
    let told: AgentStatus | null = null;
    await eventually('the second says what it waits for', async () => {
      told = await askStatus(second.paths.endpoint).catch(() => null);
      return told?.doing.startsWith('waiting for the lease that i-1 holds') === true;
    });
    expect(told).toMatchObject({ generation: null, machineId: 'i-2', phase: 'waiting', lease: { state: 'waiting' } });
    await first.letWorkloadGo();
    expect(await life).toBe('off');
    expect(await waiting).toBe('off');
    expect(await world.status(2)).toBeNull();
    expect(await world.log(1)).toContain(resultOf(80));
  });

  test.concurrent('a machine that waits for a healthy holder is not paid for until the launch ends', async () => {
    await using world = await RunWorld.launch({
      script: 'counter.py',
      args: ['1000', '0.03'],
      timing: { standByMs: 1500, standByPollMs: 100 },
    });
    const [first, second] = [await world.machine('i-1'), await world.machine('i-2')];
    const life = first.start();
    await world.reachesStep(1, 2);
    expect(await second.start()).toBe('off');
    expect(second.power.offs).toBe(1);
    expect(await world.outcome()).toBeNull();
    expect(world.fleet.deletions).toBe(0);
    await world.control('stop');
    expect(await life).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'user-stop' });
  });

  test.concurrent(
    'a machine that vanished without a word is followed by the next one after the lease ran out',
    async () => {
      await using world = await RunWorld.launch({
        script: 'counter.py',
        args: ['120', '0.03', '20'],
        timing: { leaseTtlMs: 2000, leaseRenewMs: 300, publishWithinMs: 900 },
      });
      const first = await world.machine('i-1');
      first.start().catch(() => {});
      await eventually('a durable checkpoint', async () => ((await world.latest())?.step ?? 0) >= 10);
      await first.die();
      const durable = (await world.latest())?.step;
      const second = await world.machine('i-2');
      expect(await second.start()).toBe('off');
      expect((await world.started(2))?.resumedFrom?.step).toBe(durable);
      expect(await world.log(2)).toContain(resultOf(120));
      expect(await world.status(2)).toMatchObject({ interruptions: 1 });
    },
  );

  test.concurrent(
    'one that lost the lease kills its workload, publishes nothing more and powers off without the fleet',
    async () => {
      await using world = await RunWorld.launch({
        script: 'counter.py',
        args: ['1000', '0.03'],
        timing: { leaseRenewMs: 200 },
      });
      const machine = await world.machine('i-1');
      const life = machine.start();
      await world.reachesStep(1, 7);
      await world.takeLease('i-2');
      expect(await life).toBe('off');
      // What counter.py saves when it is told to stop would have been a checkpoint of its last step.
      expect((await world.latest())?.step ?? 0).toBeLessThan((await world.attemptOutcome(1))?.step ?? 0);
      expect(await world.attemptOutcome(1)).toMatchObject({ status: 'fenced', cause: 'fenced' });
      expect(existsSync(machine.paths.pid) && (await machine.workloadLives())).toBe(false);
      expect(world.fleet.deletions).toBe(0);
      expect(await world.outcome()).toBeNull();
    },
  );
});

test.concurrent('one that lost the lease of a launch that has ended sees its end through, and is off', async () => {
  const timing = { leaseRenewMs: 200 };
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.03'], timing });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await world.reachesStep(1, 7);
  await world.endLaunch();
  await world.takeLease('i-2');
  expect(await life).toBe('off');
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'fenced' });
  expect(await world.outcome()).toMatchObject({ message: 'ended elsewhere' });
  expect(machine.power.offs).toBe(1);
});

test.concurrent(
  'a bucket that is away while a machine prepares is waited for, and is no crash of the script',
  async () => {
    let failures = 2;
    const store = (memory: ObjectStore) =>
      intercepted(memory, ({ operation, key }, perform) => {
        if (operation === 'get' && key?.startsWith('code/') === true && failures-- > 0)
          throw new StoreError('transient', 'the test took the bucket away');
        return perform();
      });
    const policy = { maxCrashes: 0 };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['2', '0.01'], policy, store });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
    expect(await world.status(1)).toMatchObject({ crashes: 0 });
  },
);

test.concurrent('a finished run waits for a bucket that is away, says so, and goes on when it is back', async () => {
  let away = false;
  const store = (memory: ObjectStore) =>
    intercepted(memory, ({ key }, perform) => {
      if (away && key !== null && !key.endsWith('/status.json'))
        throw new StoreError('transient', 'the test took the bucket away');
      return perform();
    });
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['60', '0.03'], store });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await world.reachesStep(1, 7);
  away = true;
  await eventually(
    'the wait',
    async () => (await world.status(1))?.doing.startsWith('waiting for the bucket') === true,
  );
  expect((await world.status(1))?.doing).toMatch(/for .+ \(\$.+ so far\): the test took the bucket away$/);
  away = false;
  expect(await life).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: 60 });
});

test.concurrent("a finished run whose bucket stays away ends by its launch's end", async () => {
  let away = false;
  const store = (memory: ObjectStore) =>
    intercepted(memory, ({ key }, perform) => {
      if (away && key?.includes('/data/') === true) throw new StoreError('transient', 'the test took the bucket away');
      return perform();
    });
  const timing = { validityMarginMs: 0, userStopGraceMs: 1000, flushReserveMs: 500, reportReserveMs: 500 };
  const validUntilMs = Date.now() + 8000;
  const script = { script: 'counter.py', args: ['20', '0.03'] };
  await using world = await RunWorld.launch({ ...script, store, timing, validUntilMs });
  const machine = await world.machine('i-1');
  away = true;
  expect(await machine.start()).toBe('off');
  expect(await world.attemptOutcome(1)).toMatchObject({ cause: 'exited' });
  expect((await world.outcome())?.message).toContain('not durable');
});

test.concurrent('a script is told to stop even where nothing can be written to the disk', async () => {
  await using world = await RunWorld.launch({ script: 'counts-sigterms.py', args: ['1'] });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await eventually('the script is ready', async () => (await world.log(1).catch(() => '')).includes('ready'));
  await mkdir(`${machine.paths.preempt}.tmp`);
  await mkdir(`${machine.paths.journal}.tmp`);
  await world.control('stop');
  expect(await life).toBe('off');
  expect(await world.log(1)).toContain('told 1\n');
  expect((await world.drained(1))?.drain).toMatchObject({ killed: false, newCheckpoint: true });
});

describe('a machine that outlives its notice', () => {
  test.concurrent('trains on to the end when nobody took over', async () => {
    await using world = await RunWorld.launch({
      script: 'counter.py',
      args: ['80', '0.03', '20'],
      timing: { survivalMs: 300 },
    });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await world.reachesStep(1, 7);
    machine.imds.notice(6000);
    expect(await life).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', generation: 2 });
    expect((await world.started(2))?.resumedFrom?.step).toBe((await world.drained(1))?.drain.durableStep);
    expect(await world.log(2)).toContain(resultOf(80));
  });

  test.concurrent('does not take the old notice for a new one after its agent was restarted', async () => {
    const timing = { survivalMs: 300 };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['100', '0.03', '20'], timing });
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await world.reachesStep(1, 7);
    machine.imds.notice(6000);
    await eventually('the second generation', async () => (await world.started(2)) !== null);
    await machine.killAgent();
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', generation: 2 });
  });

  test.concurrent(
    'goes on in its generation where its release came to nothing, and its next agent adopts',
    async () => {
      const bucket = { silent: false, again: true };
      const store = (memory: ObjectStore) =>
        intercepted(memory, ({ operation, key }, perform) => {
          if (operation === 'put' && key?.endsWith('/0000/outcome.json') === true) bucket.silent = bucket.again;
          if (bucket.silent && operation === 'put' && key?.endsWith('/lease.json') === true)
            throw new StoreError('transient', 'the test swallows it');
          return perform();
        });
      // Long enough that it is the same lease still, however slow the machine is.
      const timing = { survivalMs: 300, leaseTtlMs: 60_000 };
      await using world = await RunWorld.launch({ script: 'counter.py', args: ['120', '0.03', '20'], timing, store });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await world.reachesStep(1, 7);
      machine.imds.notice(6000);
      await eventually('the end of the rest', async () => (await machine.journal()).outlivedNotice !== null);
      Object.assign(bucket, { silent: false, again: false });
      const runsSince = async (at: string) => {
        const status = await world.status(1);
        return status !== null && status.phase === 'running' && status.at > at;
      };
      await eventually('the script runs again', async () => (await runsSince('')) && machine.workloadLives());
      await machine.killAgent();
      const workload = await readFile(machine.paths.pid, 'utf8');
      const killedAt = new Date().toISOString();
      const life = machine.start();
      await eventually('the next agent', () => runsSince(killedAt));
      expect(await readFile(machine.paths.pid, 'utf8')).toBe(workload);
      await machine.letWorkloadGo();
      expect(await life).toBe('off');
      expect(await world.outcome()).toMatchObject({ status: 'succeeded', generation: 1 });
    },
  );

  test.concurrent(
    'remembers in its next generation that it killed a script, whose pieces lie still by then',
    async () => {
      const timing = { survivalMs: 300 };
      await using world = await RunWorld.launch({ script: 'ignores-sigterm.sh', interpreter: ['/bin/sh'], timing });
      const machine = await world.machine('i-1');
      machine.start().catch(() => {});
      await eventually('the script', async () => (await world.status(1))?.phase === 'running');
      const { since } = (await machine.journal()).attempt!;
      machine.imds.notice(6000);
      await eventually('the second generation', async () => (await world.started(2)) !== null);
      expect((await machine.journal()).attempt).toMatchObject({ generation: 2, cutOffSince: since });
    },
  );

  test.concurrent('waits for a lease that is only lost, and trains on', async () => {
    const timing = { survivalMs: 300, leaseTtlMs: 2000, leaseRenewMs: 300, publishWithinMs: 900 };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['80', '0.03', '20'], timing });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await world.reachesStep(1, 7);
    machine.imds.notice(6000);
    await eventually('the release', async () => (await world.lease())?.released === true);
    await world.memory.delete([world.keys.lease]);
    expect(await life).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', generation: 2 });
    expect(await world.log(2)).toContain(resultOf(80));
  });

  test.concurrent('powers off without the fleet when another has the lease', async () => {
    await using world = await RunWorld.launch({
      script: 'counter.py',
      args: ['80', '0.03', '20'],
      timing: { survivalMs: 300 },
    });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await world.reachesStep(1, 7);
    machine.imds.notice(6000);
    await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
    await world.takeLease('i-2');
    expect(await life).toBe('off');
    expect(machine.power.offs).toBe(1);
    expect(world.fleet.deletions).toBe(0);
    expect(await world.outcome()).toBeNull();
  });

  test.concurrent('powers off as well when its agent dies between the end of its rest and the try', async () => {
    let blocked = false;
    const store = (memory: ObjectStore) =>
      intercepted(memory, async ({ operation, key, signal }, perform) => {
        if (blocked && operation === 'get' && key?.endsWith('/outcome.json') === true)
          await systemClock.sleep(60_000, signal);
        return perform();
      });
    const timing = { survivalMs: 300 };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['80', '0.03', '20'], timing, store });
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await world.reachesStep(1, 7);
    machine.imds.notice(6000);
    await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
    await world.takeLease('i-2');
    blocked = true;
    await eventually('the end of the rest', async () => (await machine.journal()).outlivedNotice !== null);
    await systemClock.sleep(200);
    await machine.killAgent();
    blocked = false;
    expect(await machine.start()).toBe('off');
    expect(machine.power.offs).toBe(1);
  });
});

describe('money', () => {
  test.concurrent('a machine that may not delete its fleet trains nothing and says why', async () => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['2', '0.01'] });
    world.fleet.mayDelete = false;
    world.fleet.failures = 1000;
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await eventually('the outcome', async () => (await world.outcome()) !== null);
    expect(await world.outcome()).toMatchObject({ status: 'failed' });
    expect((await world.outcome())?.message).toContain('may not delete its fleet');
    expect(await world.started(1)).toBeNull();
    expect(machine.power.offs).toBe(0);
    world.fleet.failures = 0;
  });

  test.concurrent('an agent that cannot begin ends the launch, even where the bucket takes nothing', async () => {
    const denied = () => {
      throw new StoreError('denied', 'the test took every right away');
    };
    const store = (memory: ObjectStore) => intercepted(memory, denied);
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['2', '0.01'], store });
    world.fleet.uselessMs = 300;
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(world.fleet.deletions).toBe(1);
    expect(machine.power.offs).toBe(1);
  });

  test.concurrent('the machine is not powered off before the fleet is deleted', async () => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['2', '0.01'] });
    world.fleet.failures = 2;
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(world.fleet).toMatchObject({ deletions: 1, failures: -1 });
    expect(machine.power.offs).toBe(1);
  });
});

test.concurrent(
  'a bucket that fails while the machine is taken costs what was not durable, not the drain',
  async () => {
    let down = false;
    const store = (memory: ObjectStore) =>
      intercepted(memory, (_call, perform) => {
        if (down) throw new StoreError('transient', 'the test took the bucket away');
        return perform();
      });
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.1'], store });
    const machine = await world.machine('i-1');
    machine.start().catch(() => {});
    await eventually('a durable checkpoint', async () => (await world.latest())?.step === 5);
    down = true;
    machine.imds.notice(6000);
    await eventually('the end of the workload', () => existsSync(machine.paths.exit));
    await systemClock.sleep(3500);
    expect(await machine.workloadLives()).toBe(false);
    expect(await world.attemptOutcome(1)).toBeNull();
    down = false;
    await machine.die();
    const second = await world.machine('i-2');
    second.start().catch(() => {});
    await eventually(
      'the second life',
      async () => ((await world.status(2))?.step ?? 0) > ((await world.latest())?.step ?? 0),
    );
    expect((await world.started(2))?.resumedFrom?.step).toBe(5);
  },
);

test.concurrent('a last save that the window is too short for is named in the account of the drain', async () => {
  let slow = false;
  const store = (memory: ObjectStore) =>
    intercepted(memory, async ({ key, signal }, perform) => {
      if (slow && key?.includes('/data/') === true) await systemClock.sleep(60_000, signal);
      return perform();
    });
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.1'], store });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('a durable checkpoint', async () => (await world.latest())?.step === 5);
  slow = true;
  machine.imds.notice(3000);
  await eventually('the account', async () => (await world.drained(1)) !== null);
  const drain = (await world.drained(1))?.drain;
  expect(drain).toMatchObject({ killed: false, newCheckpoint: false, durableStep: 5 });
  expect(drain?.notDurable.join()).toMatch(/step \d+/);
});

/** A bucket that refuses what the test says, as long as it says so. */
function refusing(bucket: { refuses: (key: string) => boolean }) {
  return (memory: ObjectStore): ObjectStore =>
    intercepted(memory, (call, perform) => {
      if (call.key !== null && bucket.refuses(call.key)) throw new StoreError('transient', 'the test refuses');
      return perform();
    });
}
