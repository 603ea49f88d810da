import { type Fit, timestampOf } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';
import type { WrittenRun } from '@runctl/operations/testing';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };

const FIT: Fit = {
  verdict: 'does-not-fit',
  summary: 'save 30 s + upload 2m of 1m 50s usable: does not fit',
  save: { ms: 30_000, from: 'files' },
  upload: { ms: 120_000, from: 'checkpoints' },
  usableMs: 110_000,
  saveLimitMs: 90_000,
  sizeBytes: 30e9,
  neededBytesPerSecond: 375e6,
  advice: ['choose a type with at least 3 Gbit/s of network'],
  interval: { nowMs: 300_000, suggestedMs: 900_000, reason: 'a save costs 30 s' },
};
const FITS: Fit = { ...FIT, verdict: 'fits', summary: 'save 3.0 s + upload 2.0 s of 1m 50s usable: fits', advice: [] };

async function launched(world: CommandWorld, name = 'mine'): Promise<WrittenRun> {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', name, '--', '--lr', '1']);
  return world.launched();
}

describe('status', () => {
  test('shows the newest runs with the age of what it says', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1, {
      step: 120,
      durable: {
        manifest: 'm',
        step: 100,
        savedAt: new Date(world.clock.wallMs()).toISOString(),
        at: new Date(0).toISOString(),
      },
    });
    await world.clock.advance(7000);
    const result = await world.run(['status']);
    expect(result.stdout).toMatchInlineSnapshot(`
      "RUN           NAME  STATE    STEP  DURABLE  MACHINE                    SPENT  INTERRUPTED  LAUNCHED  HEARD
      <run>  mine  running  120   100      g5.xlarge us-east-1a spot  $0.02  0            7.0 s     7.0 s
      LAUNCHED and HEARD are ages; HEARD is that of the last heartbeat, from which the rest of a line comes
      "
    `);
  });

  test('shows one run: attempts with why each ended, what is durable and what is at risk', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1, { step: 40 });
    await run.checkpoint(1, 1, 40);
    await run.interrupted(1, { step: 40 });
    await world.clock.advance(60_000);
    await run.started(2, 40);
    await run.heartbeat(2, { step: 55, atRiskMs: 90_000, warnings: ['the disk is nearly full'] });
    await world.clock.advance(10_000);
    const result = await world.run(['status', 'mine']);
    expect(result.stdout).toMatchInlineSnapshot(`
      "<run> (mine)
        state      running: training
        script     python3 train.py --lr 1
        step       55
        durable    step 40, saved 1m 10s ago
        at risk    1m 40s of work ($0.0100) if the machine died now without a word
        heartbeat  10 s ago, from i-2
        cost       about $0.01, $0.36/h
        machines   capacity-runctl-<run>-1 active; i-1 g4dn.xlarge us-east-1a running
        warning    the disk is nearly full

      ATTEMPT  MACHINE  OFFER                      STARTED (UTC)        FROM   ENDED
      1        i-1      g5.xlarge us-east-1a spot  2026-01-01 00:00:00  start  interrupted (notice, exit 143) at step 40, durable 40
      2        i-2      g5.xlarge us-east-1a spot  2026-01-01 00:01:00  40     goes on

      runctl logs <run> · runctl attach <run> · runctl events <run>
      "
    `);
  });

  test('takes the step of a checkpoint where the script reports none, and calls nothing step 0', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1);
    await run.interrupted(1, { step: null, durableStep: null });
    await run.started(2);
    await run.heartbeat(2, { step: null, stepSource: 'unknown' });
    await run.checkpoint(2, 1, 105);
    const { stdout } = await world.run(['status', 'mine']);
    expect(stdout).toContain('step       105 or later, by its last checkpoint; the script reports none\n');
    expect(stdout).toContain('interrupted (notice, exit 143), nothing durable\n');
    expect(stdout).not.toContain('step 0');
  });

  test('shows on request in which line of the log the step was read', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1, { step: 40, stepEvidence: 'it 40/900 loss 0.2' });
    expect((await world.run(['status', 'mine'])).stdout).toContain('step       40\n');
    const { stdout } = await world.run(['status', 'mine', '-v']);
    expect(stdout).toContain('step       40, read in the log: it 40/900 loss 0.2\n');
  });

  test('tells a checkpoint without a step from none', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    const at = new Date(0).toISOString();
    await run.started(1);
    await run.heartbeat(1, { durable: { manifest: 'm', step: null, savedAt: at, at } });
    await run.interrupted(1, { step: null, durableStep: null });
    const { stdout } = await world.run(['status', 'mine']);
    expect(stdout).toContain('interrupted (notice, exit 143), durable without a step\n');
  });

  test('says whether a last save fits into a notice, what to do if not, and how often to save', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1, { fit: FIT });
    const { stdout } = await world.run(['status', 'mine']);
    expect(stdout).toContain('  a notice   save 30 s + upload 2m of 1m 50s usable: does not fit\n');
    expect(stdout).toContain('  advice     choose a type with at least 3 Gbit/s of network\n');
    expect(stdout).toContain('  interval   cheapest to save every 15m, now every 5m (a save costs 30 s)\n');
  });

  test('offers nothing to attach to once a run is over', async () => {
    await using scope = await commandWorld(PROJECT);
    const run = await launched(scope.world);
    await run.started(1);
    await run.heartbeat(1, { fit: FIT });
    await run.ended(1);
    await run.outcome();
    const { stdout } = await scope.world.run(['status', 'mine']);
    expect(stdout).toContain('runctl logs <run> · runctl events <run>\n');
    expect(stdout).not.toContain('a notice');
  });

  test('says that a machine has gone silent instead of calling it running', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1);
    await world.clock.advance(300_000);
    expect((await world.run(['status', 'mine'])).stdout).toContain('state      silent for 5m (was running)');
    expect((await world.run(['status'])).stdout).toContain('silent for 5m');
  });

  test("says so when the provider already knows that the heartbeat's machine is gone", async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1);
    world.machines.lose('i-1');
    expect((await world.run(['status', 'mine'])).stdout).toContain(
      'memory says that i-1 is ended, so another machine takes over',
    );
  });

  test('says that a run which has ended still costs money, until stop has ended what is left of it', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.outcome({ status: 'succeeded' });
    expect((await world.run(['status', 'mine'])).stdout).not.toContain('left over');
    await world.clock.advance(180_000);
    const { stdout } = await world.run(['status', 'mine']);
    expect(stdout).toContain(
      'left over  the run has ended, but what memory has of it still costs money: runctl stop <run> ends it',
    );
    expect(await world.run(['stop', 'mine'])).toMatchObject({ exitCode: 0 });
    expect((await world.run(['status', 'mine'])).stdout).not.toContain('left over');
  });

  test('says that a run is stranded when its machines are gone and nobody wrote how it ended', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { run } = await launched(world);
    expect((await world.run(['status', 'mine'])).stdout).not.toContain('stranded');
    await world.endsOutside(run);
    await world.clock.advance(600_000);
    expect((await world.run(['status', 'mine'])).stdout).toContain(
      'stranded   no machine of it is left and none will come',
    );
  });

  test('finds the machines of a launch whose laptop died before it could write down what it was given', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { run } = await launched(world);
    await world.store.delete([`runs/${run}/launches/0001/machines.json`]);
    expect((await world.run(['status', 'mine'])).stdout).toContain('machines   capacity-runctl-<run>-1 active');
    const refused = await world.run(['resume', 'mine', '--yes']);
    expect(refused.stderr).toContain('error[run-active]');
  });

  test('does not resume beside a laptop that may be about to ask for the machines of an earlier launch', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { run } = await launched(world);
    await world.store.delete([`runs/${run}/launches/0001/machines.json`]);
    world.machines.hideNew(3_600_000);
    expect((await world.run(['resume', 'mine', '--yes', '--detach'])).stderr).toContain('error[run-active]');
    await world.clock.advance(130_000);
    expect((await world.run(['resume', 'mine', '--yes', '--detach'])).exitCode).toBe(0);
  });

  test('names what the provider cannot do, with the reason', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.rentsFrom({ recovers: 'no', markets: ['spot'] });
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1);
    expect((await world.run(['status', 'mine'])).stdout).toContain(
      'note       a machine that is lost is not replaced, until `runctl resume`: the memory cloud has no other machine',
    );
    world.machines.lose('i-1');
    expect((await world.run(['status', 'mine'])).stdout).toContain('i-1 is ended, and none takes over');
  });

  test('does not take the machines of another provider for its own', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { run } = await launched(world);
    const key = `runs/${run}/launches/0001/machines.json`;
    const machines = JSON.parse(Buffer.from(await readBytes(world.store, key)).toString()) as object;
    await world.store.put(key, Buffer.from(`${JSON.stringify({ ...machines, provider: 'other' })}\n`));
    expect((await world.run(['status', 'mine'])).stdout).toContain(
      'machines   not asked: <run> has its machines from other, not from memory',
    );
    const refused = await world.run(['resume', 'mine', '--yes']);
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('hint: set provider = "other" in .runctl.toml');
  });

  test('says what the provider says while there is no machine', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.spotIsEmpty();
    await launched(world);
    const { stdout } = await world.run(['status', 'mine']);
    expect(stdout).toContain('state      provisioning');
    expect(stdout).toContain('no machine there is no machine of this kind left (NoRoom)');
  });

  test('finds a run by its id, the beginning of it and its name, and names close ones otherwise', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { run } = await launched(world);
    for (const text of [run, run.slice(0, 6), run.slice(2, 7), 'mine'])
      expect((await world.run(['status', text])).exitCode).toBe(0);
    const wrong = await world.run(['status', 'mina']);
    expect(wrong.exitCode).toBe(10);
    expect(wrong.stderr).toBe(
      'error[run-not-found]: there is no run mina in memory\nhint: did you mean mine? `runctl status` lists the runs\n',
    );
  });

  test('--live says when the agent was last heard of if it does not answer', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1, { step: 7 });
    await world.clock.advance(20_000);
    const result = await world.run(['status', 'mine', '--live']);
    expect(result.exitCode).toBe(14);
    expect(result.stderr).toContain('its last heartbeat is 20 s old (running, step 7)');
  });

  test('--live asks the agent on its machine', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.heartbeat(1, { step: 9 });
    const status = Buffer.from(
      await readBytes(world.store, `runs/${run.run}/attempts/000001/0000/status.json`),
    ).toString();
    world.machines.shell = async (machineId) => ({
      exitCode: 0,
      stdout: machineId === 'i-1' ? status : '',
      stderr: '',
    });
    const result = await world.run(['status', 'mine', '--live']);
    expect(result.stdout).toContain('i-1, asked over shell just now');
    expect(result.stdout).toContain('step 9');
  });
});

describe('logs', () => {
  test('are one stream over all attempts with banners; overlaps are cut and a gap is said', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.log(1, 'one\ntwo\n');
    await run.log(1, 'two\nthree\n', 4);
    await run.log(1, 'five\n', 19);
    await run.started(2, 5);
    await run.log(2, 'six');
    const result = await world.run(['logs', 'mine']);
    expect(result.stdout).toMatchInlineSnapshot(`
      "── attempt 1 · i-1 · g5.xlarge us-east-1a spot · started from nothing ──
      one
      two
      three
      ── 5 bytes of the log are missing here ──
      five
      ── attempt 2 · i-2 · g5.xlarge us-east-1a spot · resumes from step 5 ──
      six
      "
    `);
  });

  test('--tail gives the last lines, across attempts', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.log(1, 'one\ntwo\nthree\n');
    await run.log(2, 'four\n');
    await run.log(2, 'five\nsix\n');
    const lines = async (count: number) =>
      (await world.run(['logs', 'mine', '--tail', String(count)])).stdout
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('──'));
    expect(await lines(0)).toEqual([]);
    expect(await lines(1)).toEqual(['six']);
    expect(await lines(3)).toEqual(['four', 'five', 'six']);
    expect(await lines(5)).toEqual(['two', 'three', 'four', 'five', 'six']);
    expect(await lines(50)).toHaveLength(6);
  });

  test('--since leaves out what was shipped before', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.log(1, 'old\n');
    await world.clock.advance(600_000);
    await run.log(1, 'new\n');
    const { stdout } = await world.run(['logs', 'mine', '--since', '5m', '--json']);
    expect(stdout).toContain('"text":"new"');
    expect(stdout).not.toContain('old');
    expect(stdout).not.toContain('log-gap');
  });

  test('-f goes on until the run ends', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.log(1, 'one\n');
    const result = await world.run(['logs', '-f', 'mine'], async () => {
      await world.clock.sleep(10_000);
      await run.log(1, 'two\n');
      await world.clock.sleep(10_000);
      await run.log(1, 'three\n');
      await run.outcome();
    });
    expect(result.stdout).toContain('one\ntwo\nthree\n');
    expect(result.exitCode).toBe(0);
  });

  test('-f ends with Ctrl-C without an error, and says how to come back', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.log(1, 'one\n');
    const result = await world.run(['logs', '-f', 'mine'], async () => {
      await world.clock.sleep(10_000);
      world.interrupts.press();
    });
    expect(result.exitCode).toBe(130);
    expect(result.stderr).toBe('stopped watching; <run> is left as it is\n  come back:  runctl logs -f <run>\n');
  });
});

describe('stop', () => {
  test('asks the living agent, waits for its outcome and for its machine to go', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.lease(1);
    await run.heartbeat(1, { step: 3 });
    const result = await world.run(['stop', 'mine', '--grace', '20s'], async () => {
      const asked = async () => (await world.keys()).find((key) => key.includes('/control/'));
      while ((await asked()) === undefined) await world.clock.sleep(100);
      await run.outcome({ status: 'stopped', cause: 'user-stop', message: 'stopped on request', durableStep: 3 });
      await world.endsOutside(run.run);
    });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toBe('<run> stopped: stopped on request; durable step 3\n');
    expect(result.stderr).toMatchInlineSnapshot(`
      "asked i-1 to save and stop
      capacity-runctl-<run>-1 and its machines are gone
      "
    `);
    const control = (await world.keys()).find((key) => key.includes('/control/')) ?? '';
    expect(JSON.parse(Buffer.from(await readBytes(world.store, control)).toString())).toMatchObject({
      action: 'stop',
      launch: 1,
      args: { graceMs: 20_000 },
    });
  });

  test('a second Ctrl-C ends the script at once, and the first says so', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.lease(1);
    const since = timestampOf(world.clock.wallMs());
    await run.heartbeat(1, { step: 3 });
    const result = await world.run(['stop', 'mine'], async () => {
      const asked = async () => (await world.keys()).filter((key) => key.includes('/control/')).length;
      while ((await asked()) === 0) await world.clock.sleep(100);
      for (let renewals = 0; renewals < 4; renewals++) {
        await run.lease(1);
        await world.clock.sleep(15_000);
      }
      const stopping = { cause: 'user-stop', since, lastByteAt: timestampOf(world.clock.wallMs() - 3000) } as const;
      const endsBy = timestampOf(Date.parse(since) + 900_000);
      await run.heartbeat(1, { step: 3, phase: 'draining', stopping: { ...stopping, endsAt: endsBy, endsBy } });
      await run.lease(1);
      await world.clock.sleep(1000);
      world.interrupts.press();
      await world.clock.sleep(1000);
      expect(await asked()).toBe(1);
      world.interrupts.press();
      while ((await asked()) === 1) await world.clock.sleep(100);
      await run.outcome({ status: 'stopped', cause: 'user-stop', message: 'stopped on request', durableStep: 3 });
      await world.endsOutside(run.run);
    });
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toMatchInlineSnapshot(`
      "asked i-1 to save and stop
      saving for 1m, last byte 3.0 s ago, ends at the latest in 14m
      i-1 draining: training
      the run is being stopped, whoever watches: Ctrl-C again ends the script at once, and what it has not saved by then is lost; what it saved is still uploaded
      asked to end the script at once
      capacity-runctl-<run>-1 and its machines are gone
      "
    `);
    const wishes = (await world.keys()).filter((key) => key.includes('/control/')).sort();
    const read = async (key = '') => JSON.parse(Buffer.from(await readBytes(world.store, key)).toString()) as object;
    expect(await read(wishes[0])).toMatchObject({ action: 'stop', args: { graceMs: null } });
    expect(await read(wishes[1])).toMatchObject({ action: 'stop', args: { graceMs: 0 } });
  });

  test('waits for the agent of a script that is done, which holds the lease until its end', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.lease(1);
    await run.outcome({ status: 'succeeded', durableStep: 3 });
    const result = await world.run(['stop', 'mine'], async () => {
      while (!(await world.keys()).some((key) => key.includes('/control/'))) await world.clock.sleep(100);
      for (let renewals = 0; renewals < 5; renewals++) {
        await run.lease(1);
        await world.clock.sleep(15_000);
        expect(world.capacityStates()).toEqual(['active']);
      }
      await run.lease(1, { released: true });
      await world.endsOutside(run.run);
    });
    expect(result.stdout).toBe('<run> succeeded: the workload finished; durable step 3\n');
    expect(result.stderr).toMatchInlineSnapshot(`
      "asked i-1 to save and stop
      capacity-runctl-<run>-1 and its machines are gone
      "
    `);
  });

  test('a second Ctrl-C waits for no agent that is about to end its machine', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.lease(1);
    let pressedMs = Number.NaN;
    const result = await world.run(['stop', 'mine'], async () => {
      while (!(await world.keys()).some((key) => key.includes('/control/'))) await world.clock.sleep(100);
      await run.outcome({ status: 'stopped', cause: 'user-stop', message: 'stopped on request', durableStep: 3 });
      await run.lease(1, { released: true });
      await world.clock.sleep(2000);
      world.interrupts.press();
      await world.clock.sleep(1000);
      expect(world.capacityStates()).toEqual(['active']);
      world.interrupts.press();
      pressedMs = world.clock.monotonicMs();
      while (world.capacityStates()[0] === 'active') await world.clock.sleep(100);
      expect(world.clock.monotonicMs() - pressedMs).toBeLessThan(1000);
    });
    expect(result.stdout).toBe('<run> stopped: stopped on request; durable step 3\n');
    expect(result.stderr).toContain('capacity-runctl-<run>-1 and its machines are gone (ended from here)');
  });

  test('ends a run itself when no machine has taken it up', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.spotIsEmpty();
    const run = await launched(world);
    const result = await world.run(['stop', 'mine']);
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toMatchInlineSnapshot(`
      "no machine has taken up the run yet: ending the run from here
      capacity-runctl-<run>-1 and its machines are gone (ended from here)
      "
    `);
    expect(world.capacityStates()).toEqual(['ended']);
    const lease = JSON.parse(
      Buffer.from(await readBytes(world.store, `runs/${run.run}/lease.json`)).toString(),
    ) as object;
    expect(lease).toMatchObject({ generation: 1, owner: 'laptop:me@laptop', released: true });
  });

  test('waits for the lease of a dead agent to expire, then takes the next generation', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.lease(1);
    await run.checkpoint(1, 1, 40);
    world.machines.lose('i-1');
    const result = await world.run(['stop', 'mine']);
    expect(result.stdout).toContain('stopped while no machine was alive; durable step 40');
    expect(result.stderr).toContain('the last sign of life of i-1 is too old: ending the run from here');
    expect(world.clock.monotonicMs()).toBeGreaterThan(60_000);
    const outcome = JSON.parse(
      Buffer.from(await readBytes(world.store, `runs/${run.run}/launches/0001/outcome.json`)).toString(),
    ) as object;
    expect(outcome).toMatchObject({ generation: 2, status: 'stopped', cause: 'laptop', durableStep: 40 });
  });

  test('finds the machines of a launch whose laptop died before it could write down what it was given', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await world.store.delete([`runs/${run.run}/launches/0001/machines.json`]);
    await world.run(['stop', 'mine']);
    expect(world.capacityStates()).toEqual(['ended']);
  });

  test('ends the machines itself when an agent wrote its outcome and left them', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.outcome({ status: 'failed', message: 'it crashed' });
    const result = await world.run(['stop', 'mine']);
    expect(result.stderr).toContain('(ended from here)');
    expect(world.capacityStates()).toEqual(['ended']);
  });
});

describe('resume', () => {
  test('launches a stopped run again with the next number and follows it', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.started(1);
    await run.checkpoint(1, 1, 40);
    await run.outcome({ status: 'stopped' });
    await world.endsOutside(run.run);
    const result = await world.run(['resume', 'mine', '--yes'], async () => {
      while (world.machines.capacities.length < 2) await world.clock.sleep(100);
      await run.started(2, 40, 2);
      await run.log(2, 'step 41\n');
      await run.outcome({ launch: 2, generation: 2 });
    });
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toContain('launch 2 of <run>, from step 40');
    expect(result.stdout).toBe('step 41\n');
  });

  test('tells once whether a save fits into a notice, and again when it does not any more', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.outcome({ status: 'stopped' });
    await world.endsOutside(run.run);
    const result = await world.run(['resume', 'mine', '--yes'], async () => {
      const beat = async (fit: Fit): Promise<void> => {
        await run.heartbeat(1, { launch: 2, fit });
        await world.clock.sleep(10_000);
      };
      await run.started(1, null, 2);
      for (const fit of [{ ...FITS, verdict: 'unknown' as const, summary: 'not yet' }, FITS, FITS, FIT, FIT])
        await beat(fit);
      await run.outcome({ launch: 2 });
    });
    const told = result.stderr.split('\n').filter((line) => line.includes('at a notice:'));
    expect(told.map((line) => line.replace(/^\[.*?\] /, ''))).toEqual([
      'at a notice: save 3.0 s + upload 2.0 s of 1m 50s usable: fits',
      'at a notice: save 30 s + upload 2m of 1m 50s usable: does not fit',
    ]);
    expect(result.stderr).toContain('advice: choose a type');
  });

  test('refuses a run that still goes on, and one that is done', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    const active = await world.run(['resume', 'mine', '--yes']);
    expect([active.exitCode, active.stderr]).toEqual([
      11,
      expect.stringContaining('error[run-active]: <run> still goes on'),
    ]);
    await run.outcome();
    const done = await world.run(['resume', 'mine', '--yes']);
    expect([done.exitCode, done.stderr]).toEqual([11, expect.stringContaining('error[not-resumable]: <run> is done')]);
    expect(world.machines.capacities).toHaveLength(1);
  });

  test('ends the new launch when the provider can never carry it out, so that it can be resumed again', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await run.outcome({ status: 'stopped' });
    await world.endsOutside(run.run);
    world.targetIsWrong();
    const result = await world.run(['resume', 'mine', '--yes']);
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain('launch 2 is ended, and nothing of it is left');
    world.machines.setRefusal(null);
    expect((await world.run(['resume', 'mine', '--yes', '--detach'])).exitCode).toBe(0);
  });
});

describe('wait', () => {
  test.each([
    ['succeeded', 0],
    ['failed', 20],
    ['stopped', 21],
  ] as const)('a run that %s gives %i', async (status, exitCode) => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    const result = await world.run(['wait', 'mine'], async () => {
      await world.clock.sleep(30_000);
      await run.outcome({ status });
    });
    expect(result.exitCode).toBe(exitCode);
  });

  test('gives up after its time-out with 11, and 21 when its machines vanished without a word', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    expect((await world.run(['wait', 'mine', '--timeout', '1m'])).exitCode).toBe(11);
    await world.endsOutside(run.run);
    expect((await world.run(['wait', 'mine'])).exitCode).toBe(21);
  });
});

describe('events', () => {
  test('tell the story in order of time', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await launched(world);
    await world.clock.advance(1000);
    await run.started(1);
    await world.clock.advance(1000);
    await run.interrupted(1, { step: 40 });
    await world.clock.advance(1000);
    await run.started(2, 40);
    await world.clock.advance(1000);
    await run.ended(2);
    await run.outcome({ generation: 2 });
    expect((await world.run(['events', 'mine'])).stdout).toMatchInlineSnapshot(`
      "2026-01-01 00:00:00.000  me@laptop               launch 1 begun, spot
      2026-01-01 00:00:00.000  capacity-runctl-<run>-1  machines asked for, for launch 1
      2026-01-01 00:00:00.000  capacity-runctl-<run>-1  created
      2026-01-01 00:00:00.000  capacity-runctl-<run>-1  made i-1
      2026-01-01 00:00:01.000  i-1                     attempt 1 started from nothing on g5.xlarge us-east-1a spot
      2026-01-01 00:00:02.000  i-1                     interruption notice (terminate), 120 s left, at step 40
      2026-01-01 00:00:02.000  i-1                     drained (notice), durable step 40
      2026-01-01 00:00:02.000  i-1                     attempt 1 ended: interrupted (notice), the workload finished
      2026-01-01 00:00:03.000  i-2                     attempt 2 started from step 40 on g5.xlarge us-east-1a spot
      2026-01-01 00:00:04.000  generation 2            launch 1 succeeded (exited): the workload finished
      2026-01-01 00:00:04.000  i-2                     attempt 2 ended: succeeded (exited), the workload finished
      "
    `);
  });
});

describe('attach', () => {
  test('refuses with 14 when the agent cannot be reached, and says what works without it', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await launched(world);
    const result = await world.run(['attach', 'mine']);
    expect(result.exitCode).toBe(14);
    expect(result.stderr).toContain('`runctl logs <run>` work without it');
  });
});

describe('command lines', () => {
  test('the first word of several commands has help that lists them', async () => {
    await using scope = await commandWorld(PROJECT);
    const { stdout, exitCode } = await scope.world.run(['sandbox', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^usage: runctl sandbox <command>/);
    expect(stdout).toMatch(/^ {2}sandbox interrupt +\S/m);
  });

  test('an unknown command names the nearest; --json makes the error an object', async () => {
    await using scope = await commandWorld();
    const { world } = scope;
    expect(await world.run(['statsu'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'error[usage]: there is no command "statsu"\nhint: did you mean `runctl status`?\n',
    });
    expect(JSON.parse((await world.run(['sandbox', 'strat', '--json'])).stderr)).toMatchObject({
      type: 'error',
      code: 'usage',
      exitCode: 2,
      hint: 'did you mean `runctl sandbox start`?',
    });
  });

  test('every command has help with an example or a description', async () => {
    await using scope = await commandWorld();
    const { commandIndex } = await import('../command-index/command-index.ts');
    for (const { path } of commandIndex.commands) {
      const result = await scope.world.run([...path, '--help']);
      expect(result.exitCode).toBe(0);
      expect(result.stdout).toMatch(new RegExp(`^usage: runctl ${path.join(' ')}[^]*everywhere:`));
    }
  });
});
