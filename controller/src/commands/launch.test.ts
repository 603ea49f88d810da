import { RunctlError } from '@runctl/core';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };

describe('launch', () => {
  test('shows the plan and changes nothing with --dry-run', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const result = await world.run(['launch', 'train.py', '--dry-run', '--budget', '5', '--', '--epochs', '3']);
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatchInlineSnapshot(`
      "plan
        script        python3 train.py --epochs 3
        project       <folder> (2 files, 15 B, <size> packed)
        machine       1 × spot of memory in us-east-1, image ami-1
        likely        g4dn.xlarge in us-east-1a at $0.36/h, the cheapest of 6 pools, unless another has more room
        budget        $5.00, then a checkpoint and the end; the launch ends after 1d 13h in any case
        checkpoints   checkpoints/, resumed from the newest complete one
        kept          the newest checkpoint and the 3 before it
        interruption  SIGTERM, up to 2m to save, then another machine resumes by itself, with this computer off too
        no capacity   on-demand after 5m (first choice $1.20/h), while this command watches; afterwards it waits on spot
        first boot    ended after 3 machines or 20m without a word, while this command watches; unwatched, machines that may not end it cost up to $45.47 within 1d 13h

        FIRST CHOICES  ZONE        MARKET  PRICE/H
        g4dn.xlarge    us-east-1a  spot    $0.36
        g4dn.xlarge    us-east-1b  spot    $0.36
        g5.xlarge      us-east-1a  spot    $0.36
        g5.xlarge      us-east-1b  spot    $0.36
        … and 2 more

      "
    `);
    expect(await world.keys()).toEqual([]);
  });

  test('rents what there is from a provider without spot, and resumes there', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.rentsFrom({ recovers: 'no', markets: ['on-demand'] });
    const plan = await world.run(['launch', 'train.py', '--dry-run']);
    expect(plan.stderr).toContain('machine       1 × on-demand of memory');
    expect(plan.stderr).toContain('interruption  none announced; a machine that dies is not replaced');
    const json = JSON.parse((await world.run(['launch', 'train.py', '--dry-run', '--json'])).stdout) as unknown;
    expect(json).toMatchObject({ market: 'on-demand', onDemandAfterMs: null });
    await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
    const run = await world.launched();
    await run.outcome({ status: 'stopped' });
    await world.endsOutside(run.run);
    expect(await world.run(['resume', 'mine', '--yes', '--detach'])).toMatchObject({ exitCode: 0 });
    expect(world.machines.capacities.map(({ market }) => market)).toEqual(['on-demand', 'on-demand']);
  });

  test('names only some of many files that are left out, so that the plan stays in sight', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    for (let at = 0; at < 12; at++) await symlink('/etc/hosts', join(world.folder, `link-${at}`));
    const { stderr } = await world.run(['launch', 'train.py', '--dry-run']);
    expect(stderr.match(/note: link-\d+ is left out/g)).toHaveLength(5);
    expect(stderr).toContain('note: … and 7 more like these\n');
    await writeFile(join(world.folder, '.gitignore'), 'secret.env\n');
    await writeFile(join(world.folder, 'secret.env'), '');
    const verbose = (await world.run(['launch', 'train.py', '--dry-run', '-v'])).stderr;
    expect(verbose.match(/note: link-\d+ is left out/g)).toHaveLength(12);
    expect(verbose).toContain('note: ignored by git, and may hold secrets: secret.env\n');
  });

  test('follows a run from the request to the outcome, and ends with its exit code', async () => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', 'train.py', '--yes', '--name', 'first'], async (world) => {
      const run = await world.launched();
      await world.clock.sleep(3000);
      await run.heartbeat(1, { phase: 'preparing', doing: 'downloading the project' });
      await world.clock.sleep(2000);
      await run.started(1);
      await run.heartbeat(1);
      await run.log(1, 'step 1\nstep 2\n');
      await run.checkpoint(1, 1, 2);
      await world.clock.sleep(5000);
      await run.log(1, 'done\n');
      await run.ended(1, { step: 2 });
      await run.outcome({ durableStep: 2 });
    });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toBe('step 1\nstep 2\ndone\n');
    expect(result.stderr.slice(result.stderr.indexOf('[time]'))).toMatchInlineSnapshot(`
      "[time] agent and runtime: 8 B sent
      [time] project: 142 B sent
      [time] run <run> (first)
      [time] machines requested: capacity-runctl-<run>-1
      [time] machine i-1: g4dn.xlarge in us-east-1a, spot at $0.36/h, running
      [time] i-1 preparing: downloading the project
      [time] ── attempt 1 · i-1 · g5.xlarge us-east-1a spot · started from nothing ──
      [time] checkpoint of step 2 is durable
      [time] attempt 1 ended: succeeded (exited)
      [time] succeeded the workload finished, durable step 2
      "
    `);
  });

  test.each([
    ['failed', 20],
    ['stopped', 21],
  ] as const)('a run that %s gives exit code %i and says how to go on', async (status, exitCode) => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', 'train.py', '--yes'], async (world) => {
      const run = await world.launched();
      await run.started(1);
      await run.outcome({ status, message: 'because' });
    });
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(`${status} because`);
    expect(result.stderr).toContain(status === 'failed' ? 'runctl events <run>' : 'runctl resume <run>');
  });

  test('tells of an interruption and of the next machine, and prints the log of both lives once', async () => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', 'train.py', '--yes'], async (world) => {
      const run = await world.launched();
      await run.started(1);
      await run.heartbeat(1);
      await run.log(1, 'step 1\n');
      await world.clock.sleep(5000);
      await run.log(1, 'step 1\nstep 2\n'.slice(3), 3);
      await run.interrupted(1, { step: 2 });
      world.machines.lose('i-1');
      await world.clock.sleep(5000);
      await run.started(2, 2);
      await run.heartbeat(2);
      await run.log(2, 'step 3\n');
      await run.ended(2);
      await run.outcome({ generation: 2 });
    });
    expect(result.stdout).toBe('step 1\nstep 2\nstep 3\n');
    expect(result.stderr).toContain('attempt 1 ended: interrupted (notice); another machine takes over');
    expect(result.stderr).toContain('── attempt 2 · i-2 · g5.xlarge us-east-1a spot · resumes from step 2 ──');
  });

  test('Ctrl-C stops watching, not the run, and says how to come back', async () => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', 'train.py', '--yes'], async (world) => {
      await world.launched();
      await world.clock.sleep(1000);
      world.interrupts.press();
    });
    expect(result.exitCode).toBe(130);
    expect(result.stderr).toMatch(/stopped watching; <run> goes on\n.*\n {2}come back: {2}runctl attach <run>\n/);
    expect(scope.world.capacityStates()).toEqual(['active']);
  });

  test('asks, and launches nothing when the answer is no or nobody can be asked', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const alone = await world.run(['launch', 'train.py']);
    world.answer = false;
    const declined = await world.run(['launch', 'train.py']);
    expect([alone.exitCode, declined.exitCode]).toEqual([22, 22]);
    expect(alone.stderr).toContain('hint: add --yes');
    expect(await world.keys()).toEqual([]);
  });

  test('takes back all but the content-addressed uploads when the provider refuses, and says so', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const error = new RunctlError('quota-exceeded', 'VcpuLimitExceeded', { hint: 'ask for more' });
    world.machines.faults.failNext('launch', error);
    const result = await world.run(['launch', 'train.py', '--yes', '--name', 'x']);
    expect(result.exitCode).toBe(13);
    expect(result.stderr).toContain(
      'error[quota-exceeded]: VcpuLimitExceeded; nothing of the launch is left\nhint: ask for more',
    );
    expect((await world.keys()).filter((key) => !/^(tools|code)\//.test(key))).toEqual([]);
    expect(world.machines.capacities).toEqual([]);
  });

  test('takes back what was made too when its answer was lost and the provider does not show it yet', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.machines.faults.loseAnswer('launch');
    world.machines.hideNew(5000);
    const result = await world.run(['launch', 'train.py', '--yes']);
    expect(result.stderr).toContain('no answer from the memory cloud; nothing of the launch is left');
    expect(world.capacityStates()).toEqual(['ended']);
  });

  test('a launch that will never have a machine is taken back with its run', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.targetIsWrong();
    const result = await world.run(['launch', 'train.py', '--yes', '--name', 'x']);
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain(
      'error[config-invalid]: no machine can be made: there is no such instance profile (BadTarget)',
    );
    expect(result.stderr).toContain('nothing of the launch is left');
    expect((await world.keys()).filter((key) => !/^(tools|code)\//.test(key))).toEqual([]);
    expect(world.capacityStates()).toEqual(['ended']);
  });

  test('switches to on-demand when spot had nothing for the stated time', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.spotIsEmpty();
    const result = await world.run(['launch', 'train.py', '--yes', '--fallback-after', '60s'], async () => {
      const run = await world.launched();
      while (world.machines.capacities[0]?.machines.length === 0) await world.clock.sleep(1000);
      await world.clock.sleep(5000);
      await run.outcome();
    });
    expect(result.stderr).toContain('no machine yet: there is no machine of this kind left (NoRoom)');
    expect(result.stderr).toMatch(/no spot capacity in 1m: switched to on-demand/);
    expect(result.stderr).toContain('i-1: g4dn.xlarge in us-east-1a, on-demand');
  });

  test('stays on spot with --no-fallback', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.spotIsEmpty();
    await world.run(['launch', 'train.py', '--yes', '--fallback-after', '10s', '--no-fallback'], async () => {
      const run = await world.launched();
      await world.clock.sleep(120_000);
      await run.outcome({ status: 'stopped' });
    });
    expect(world.machines.capacities.map(({ market }) => market)).toEqual(['spot']);
  });

  test('names in the plan what the provider cannot do, with the reason', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.rentsFrom({ recovers: 'no', noticeMs: null, markets: ['spot'] });
    const { stderr } = await world.run(['launch', 'train.py', '--dry-run', '--prefix', 'mine/']);
    expect(stderr).toContain('interruption  without notice, then the run waits for `runctl resume --prefix mine/`\n');
    expect(stderr).toContain('no capacity   nothing is launched then\n');
    expect(stderr).toContain(
      'note: a machine that is lost is not replaced, until `runctl resume --prefix mine/`: the memory cloud has no other machine\n',
    );
    expect(stderr).toContain('note: nothing is saved at the last moment, only what is durable by then: machines of');
    const json = JSON.parse((await world.run(['launch', 'train.py', '--dry-run', '--json'])).stdout) as object;
    expect(json).toMatchObject({
      provider: 'memory',
      place: 'us-east-1',
      missing: [/not replaced/, /last moment/].map((text) => expect.stringMatching(text) as string),
    });
  });

  test('stays on spot where the provider has no other market, as the plan says', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.rentsFrom({ markets: ['spot'] });
    world.spotIsEmpty();
    const result = await world.run(['launch', 'train.py', '--yes', '--fallback-after', '10s'], async () => {
      const run = await world.launched();
      await world.clock.sleep(120_000);
      await run.outcome({ status: 'stopped' });
    });
    expect(result.stderr).toContain("waits on spot, at most 7d: memory can't go on in another market");
    expect(result.stderr).not.toContain('switched to on-demand');
    expect(result.exitCode).toBe(21);
  });

  test('says why a machine failed before the agent', async () => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', 'train.py', '--yes'], async (world) => {
      const run = await world.launched();
      const failure = {
        version: 2,
        run: run.run,
        launch: 1,
        machineId: 'i-1',
        stage: 'fetching the agent',
        message: 'AccessDenied',
        at: new Date(0).toISOString(),
      };
      await world.store.put(`runs/${run.run}/boot/0001-i-1.json`, Buffer.from(JSON.stringify(failure)));
      await world.clock.sleep(3000);
      await world.endsOutside(run.run);
    });
    expect(result.stderr).toContain('i-1 failed before the agent, at "fetching the agent": AccessDenied');
    expect(result.stderr).toContain('no more machines will come');
    expect(result.exitCode).toBe(20);
  });

  test('refuses a prefix of which no boot script and no key could be made', async () => {
    await using scope = await commandWorld(PROJECT);
    scope.world.environment['RUNCTL_PREFIX'] = 'p'.repeat(20_000);
    const result = await scope.world.run(['launch', 'train.py', '--yes', '--name', 'x']);
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain('RUNCTL_PREFIX in the environment takes at most 256 bytes, not "ppp');
    expect((await scope.world.keys()).filter((key) => !/^(tools|code)\//.test(key))).toEqual([]);
  });

  test('prints one object a line with --json', async () => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', 'train.py', '--yes', '--json'], async (world) => {
      const run = await world.launched();
      await run.started(1);
      await run.log(1, 'step 1\n');
      await run.outcome();
    });
    const lines = result.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['plan', 'run-created', 'requested', 'attempt', 'log', 'outcome', 'ended']),
    );
    expect(result.stderr).toBe('');
  });

  test('two runs cannot have one name', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'x']);
    const second = await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'x']);
    expect(second.exitCode).toBe(11);
    expect(second.stderr).toMatchInlineSnapshot(`
      "error[name-taken]: a run is already named x
      hint: \`runctl status x\` shows it; choose another --name
      "
    `);
    expect(world.machines.capacities).toHaveLength(1);
  });
});

describe('bad input to launch', () => {
  test.each([
    [['nope.py'], 2, /error\[script-not-found\]: there is no script nope\.py\nhint: looked for <folder>\/nope\.py/],
    [['train.py', '--bogus'], 2, /unknown option --bogus\nhint: .*the script's own options come after --/],
    [['train.py', '--detahc'], 2, /unknown option --detahc\nhint: did you mean --detach\?/],
    [['train.py', '--env', 'A B'], 2, /--env takes NAME=value, .* not "A B"\nhint: for example --env NAME=value/],
    [['train.py', '--env', 'UNSET_HERE'], 2, /--env UNSET_HERE has no value: .*\nhint: write --env UNSET_HERE=value/],
    [['train.py', '--env', 'RUNCTL_X=1'], 2, /runctl sets RUNCTL_\*/],
    [['train.py', '--budget', 'much'], 2, /--budget takes an amount of dollars above 0, .* not "much"/],
    [['train.py', '--budget', '0'], 2, /--budget takes an amount of dollars above 0/],
    [['train.py', '--resume', 'maybe'], 2, /--resume takes auto or never/],
    [
      ['train.py', '--resume-argument', '--from'],
      2,
      /--resume-argument takes a text with \{path\} in it, not "--from"/,
    ],
    [['train.py', '--step-pattern', '(a+)+'], 2, /--step-pattern takes no repetition of a group, not "\(a\+\)\+"/],
    [['train.py', '--name', 'a/b'], 2, /--name takes letters, digits, .* not "a\/b"/],
    [
      ['train.py', '--grace', '-5s'],
      2,
      /--grace takes a duration from 0s to 1d, not "-5s"\nhint: for example --grace 60s/,
    ],
    [['train.py', '--keep-last', '0'], 2, /--keep-last takes a whole number from 1 up/],
    [
      ['train.py', '--keep-best', 'loss:low'],
      2,
      /--keep-best takes a name .*, not "loss:low"\nhint: for example --keep-best loss:min/,
    ],
    [['train.py', '--checkpoint-dir', '.'], 2, /--checkpoint-dir takes a folder that has nothing but checkpoints/],
    [
      ['train.py', '--checkpoint-dir', '/dev/shm/'],
      2,
      /nothing but checkpoints in it, not "\/dev\/shm\/"\nhint: for example/,
    ],
    [['train.py', '--checkpoint-dir', 'out/../../x'], 2, /--checkpoint-dir takes a folder inside the project/],
    [['train.py', '--output-dir', '.'], 2, /--output-dir takes a folder that has nothing but output in it/],
    [['train.py', '--output-dir', '../out'], 2, /--output-dir takes a folder inside the project/],
    [
      ['train.py', '--output-dir', 'checkpoints/final'],
      2,
      /checkpoints\/final lies in the checkpoint folder checkpoints/,
    ],
    [['train.py', '--output-dir', './checkpoints/'], 2, /lies in the checkpoint folder checkpoints/],
    [['train.py', '--grace'], 2, /--grace needs a value/],
    [['train.py', '--project', 'nowhere'], 2, /--project nowhere is not there/],
    [['train.py', '--sandbox', '--max-runtime', '7x'], 2, /--max-runtime takes a duration/],
    [['train.py', '--region', 'mars'], 2, /--region takes the name of an AWS region/],
    [['train.py', '--instance-type', 'bogus'], 2, /no machine type bogus/],
    [['train.py', '--instance-type', 'g5g.xlarge,g5.xlarge'], 13, /has no arm64 g5g\.xlarge, g5\.xlarge/],
    [['train.py', '--assume-price', '0'], 2, /--assume-price takes an amount of dollars an hour above 0/],
    [['train.py', '--budget', '0'], 2, /--budget takes an amount of dollars above 0/],
    [['train.py', '--budget', '-5'], 2, /--budget takes an amount of dollars above 0/],
    [[], 2, /launch needs a script, a module or a command\nhint: `runctl launch train\.py`, `runctl launch -m /],
    [['trian.py'], 2, /there is no script trian\.py\nhint: did you mean train\.py\?/],
  ])('%j: exit code %i', async (args, exitCode, text) => {
    await using scope = await commandWorld(PROJECT);
    const result = await scope.world.run(['launch', ...args, '--yes']);
    expect(result.stderr).toMatch(text);
    expect(result.exitCode).toBe(exitCode);
    expect(await scope.world.keys()).toEqual([]);
  });

  test('launches ARM types with the runtime for them', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await world.run(['launch', 'train.py', '--yes', '--detach', '--instance-type', 'g5g.xlarge']);
    const tools = (await world.keys()).filter((key) => key.startsWith('tools/node-'));
    expect(tools).toEqual([`tools/node-v24.0.0-linux-arm64-${'b'.repeat(64)}.gz`]);
    expect(world.machines.capacities[0]?.request.boot.tools.nodeKey).toBe(tools[0]);
  });

  test("takes a value that begins with a dash, as the script's own options do", async () => {
    await using scope = await commandWorld(PROJECT);
    const args = ['train.py', '--dry-run', '--json', '--resume-argument', '--resume {path}', '--', '--epochs', '3'];
    const result = await scope.world.run(['launch', ...args]);
    expect(JSON.parse(result.stdout)).toMatchObject({
      args: ['--epochs', '3'],
      checkpoint: { resumeArgument: '--resume {path}' },
    });
  });

  test('takes a pattern of the steps that the log tells', async () => {
    await using scope = await commandWorld(PROJECT);
    const launch = ['launch', 'train.py', '--dry-run', '--json', '--step-pattern'];
    const result = await scope.world.run([...launch, String.raw`it (\d+)/`]);
    expect(JSON.parse(result.stdout)).toMatchObject({ checkpoint: { stepPattern: String.raw`it (\d+)/` } });
  });

  test('keeps a folder besides, which may hold the checkpoint folder', async () => {
    await using scope = await commandWorld({ ...PROJECT, '.runctl.toml': 'output_dir = "outputs"' });
    const launch = ['launch', 'train.py', '--dry-run', '--checkpoint-dir', 'outputs/ckpt'];
    const result = await scope.world.run([...launch, '--json']);
    expect(JSON.parse(result.stdout)).toMatchObject({ checkpoint: { dir: 'outputs/ckpt', outputDir: 'outputs' } });
    expect((await scope.world.run(launch)).stderr).toMatch(/output +outputs, after the checkpoint in the time/);
  });

  test('keeps checkpoints as the options say, or as the project does', async () => {
    await using scope = await commandWorld({ ...PROJECT, '.runctl.toml': 'keep_every = 500' });
    const launch = ['launch', 'train.py', '--dry-run', '--keep-last', '5', '--keep-best', 'accuracy:max'];
    const plan = JSON.parse((await scope.world.run([...launch, '--json'])).stdout) as { checkpoint: unknown };
    const best = { metric: 'accuracy', mode: 'max' };
    expect(plan.checkpoint).toMatchObject({ keep: { last: 5, everySteps: 500, best } });
    expect((await scope.world.run(launch)).stderr).toContain(
      'kept          the newest checkpoint and the 5 before it; the first of each 500 steps; the one with the largest accuracy in the progress file',
    );
  });

  test('says how to get a bucket, and that --sandbox needs none', async () => {
    await using scope = await commandWorld(PROJECT);
    scope.world.environment = {};
    const result = await scope.world.run(['launch', 'train.py', '--yes', '--json']);
    expect(result.exitCode).toBe(3);
    expect(JSON.parse(result.stderr)).toMatchObject({ type: 'error', code: 'config-missing', exitCode: 3 });
    expect(result.stderr).toContain('--sandbox');
  });
});
