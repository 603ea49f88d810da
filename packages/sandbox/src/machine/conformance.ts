import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestListener } from 'node:http';
import { temporaryFolder } from '@runctl/testkit';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import type { MachineDriver, MachineSpec } from './driver.ts';
import type { ExecResult, Machine } from './machine.ts';

/** The implementation under test. `minuteMs` is the length of a minute of `shutdown +N` in it. */
export interface DriverUnderTest {
  readonly name: string;
  /** A driver whose machines, told to shut down, give what ignores TERM as long as this. */
  readonly create: (settings: { readonly stopLimitMs: number }) => MachineDriver;
  readonly minuteMs: number;
}

/** Short, since some machines are full of what ignores TERM. */
const STOP_LIMIT_MS = 1500;

const answering =
  (text: string): RequestListener =>
  (request, response) =>
    response.end(`${text} ${request.url}`);

export async function until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 20_000) {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Pids on this computer whose environment has `variable`; zombies do not count. Linux only. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
        return state !== 'Z' && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(variable);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function parentOf(pid: number): number {
  return Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[1],
  );
}

/** Commands on this computer whose arguments contain `text`. Linux only. */
export function commandsWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(text));
}

/** The contract of MachineDriver, for every implementation that this computer can run. */
export function describeMachineDriver(subject: DriverUnderTest): void {
  describe(`machine driver ${subject.name}`, () => {
    let driver: MachineDriver;
    let refused: string | null = null;
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let count = 0;
    beforeAll(async () => {
      driver = subject.create({ stopLimitMs: STOP_LIMIT_MS });
      const probed = await driver.probe();
      refused = probed.ok ? null : probed.reason;
      folder = await temporaryFolder('runctl-machine');
    });
    afterAll(async () => {
      await driver.close();
      await folder[Symbol.asyncDispose]();
    });

    /** A test with a way to start machines; every machine is marked with a token that its processes inherit. */
    const behaviour = (name: string, body: (start: Start) => Promise<void>) =>
      test.concurrent(name, async (context: TestContext) => {
        if (refused !== null) context.skip(`${subject.name} cannot run here: ${refused}`);
        const started: Machine[] = [];
        try {
          await body(async (userData, changes, by = driver) => {
            const id = `i-${process.pid}-${String(++count).padStart(3, '0')}`;
            const hostName = `ip-10-77-0-${count}`;
            const own = join(folder.path, id);
            mkdirSync(own);
            const machine = await by.start({
              instanceId: id,
              hostName,
              folder: own,
              userData: userData === null ? null : Buffer.from(userData),
              imds: answering(`imds of ${id}`),
              endpoints: answering('endpoint'),
              region: 'eu-test-1',
              environment: { CONFORMANCE_TOKEN: id },
              ...changes,
            });
            started.push(machine);
            return { machine, id, token: `CONFORMANCE_TOKEN=${id}` };
          });
        } finally {
          await Promise.all(started.map((machine) => machine.kill()));
        }
      });

    describeBoot(behaviour);
    describeDeath(behaviour, subject);
    describeNetwork(behaviour);
  });
}

type Start = (
  userData: string | null,
  changes?: Partial<MachineSpec>,
  /** The driver that starts it, when it is not the suite's. */
  by?: MachineDriver,
) => Promise<{ readonly machine: Machine; readonly id: string; readonly token: string }>;
type Behaviour = (name: string, body: (start: Start) => Promise<void>) => void;

const METADATA = '${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254/}';

const sh = (machine: Machine, script: string, timeoutMs = 10_000): Promise<ExecResult> =>
  machine.exec(['sh', '-c', script], { timeoutMs });
const output = async (machine: Machine, script: string) => (await sh(machine, script)).stdout.toString().trim();
const printed = async (machine: Machine) => (await machine.consoleOutput()).toString();

function describeBoot(behaviour: Behaviour): void {
  behaviour('runs the user data once and prints what it says to the console', async (start) => {
    const { machine } = await start(
      '#!/bin/sh\necho to stdout; echo to stderr >&2; echo again >>"$HOME/ran"\nexit 7\n',
    );
    await until('user data ended', async () => (await printed(machine)).includes('exit code 7'));
    expect(await printed(machine)).toContain('to stdout\nto stderr\n');
    expect(await output(machine, 'cat "$HOME/ran"')).toBe('again');
    expect(await output(machine, 'systemctl is-system-running --wait')).toBe('running');
  });

  behaviour('says that user data which is no script is not run', async (start) => {
    const { machine } = await start('#cloud-config\npackages: [x]\n');
    expect(await printed(machine)).toContain('#cloud-config');
  });

  behaviour('boots without user data', async (start) => {
    const { machine } = await start(null);
    expect(await output(machine, 'echo alive')).toBe('alive');
  });

  behaviour('gives its environment and none of the credentials of whoever started the region', async (start) => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'secret-of-the-caller';
    const { machine, id } = await start(null).finally(() => delete process.env['AWS_SECRET_ACCESS_KEY']);
    const environment = await output(machine, 'env');
    expect(environment).toContain('AWS_REGION=eu-test-1');
    expect(environment).toContain('AWS_DEFAULT_REGION=eu-test-1');
    expect(environment).toMatch(/AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+/);
    expect(environment).not.toContain('secret-of-the-caller');
    expect(environment).toContain(`RUNCTL_SANDBOX_INSTANCE=${id}`);
  });

  behaviour('exec returns output, exit code and takes input', async (start) => {
    const { machine } = await start(null);
    const result = await machine.exec(['sh', '-c', 'cat; echo problem >&2; exit 5'], {
      stdin: Buffer.from('given'),
      timeoutMs: 10_000,
    });
    expect(result).toMatchObject({ exitCode: 5, signal: null, timedOut: false });
    expect([result.stdout.toString(), result.stderr.toString()]).toEqual(['given', 'problem\n']);
  });

  behaviour('exec kills what does not end in time', async (start) => {
    const { machine } = await start(null);
    // However long the shell of a busy computer takes to begin.
    let timeoutMs = 500;
    let result = await sh(machine, 'echo begun; sleep 100', timeoutMs);
    while (result.stdout.length === 0 && timeoutMs < 16_000)
      result = await sh(machine, 'echo begun; sleep 100', (timeoutMs *= 2));
    expect([result.stdout.toString(), result.timedOut]).toEqual(['begun\n', true]);
    expect(result.exitCode === null || result.exitCode > 128).toBe(true);
  });

  behaviour('python3 runs, and the first one on the path is not a version manager', async (start) => {
    const { machine } = await start(null);
    expect(await output(machine, 'python3 -c "import sys; print(sys.version_info.major)"')).toBe('3');
    expect(await output(machine, 'command -v python3')).not.toContain('shims');
  });

  behaviour('machines do not share files', async (start) => {
    const [a, b] = [await start(null), await start(null)];
    await sh(a.machine, 'echo mine >"$HOME/file"; echo mine >"${TMPDIR:-/tmp}/file"');
    expect(await output(b.machine, 'cat "$HOME/file" "${TMPDIR:-/tmp}/file" 2>/dev/null || echo none')).toBe('none');
  });
}

/** Seconds that nobody else sleeps for, so that what sleeps for them is found even without its environment. */
const forever = `9000.0${process.pid}0`;
const daemons = `#!/bin/sh
sleep ${forever}1 &
nohup sleep ${forever}2 >/dev/null 2>&1 &
setsid sleep ${forever}3 &
(setsid sh -c '(sleep ${forever}4 &) ; (env -i setsid sleep ${forever}5 &) ; sleep ${forever}6' >/dev/null 2>&1 </dev/null &)
sh -c 'trap "" TERM HUP INT; sleep ${forever}7; sleep ${forever}8' &
echo all started
wait
`;

/** Runs a power command only if it is a stand-in: a broken driver must not turn off the computer that tests it. */
const guarded = (command: string) => `case $(command -v ${command.split(' ')[0]}) in
  "" | /sbin/* | /usr/sbin/* | /bin/* | /usr/bin/*) echo 'no stand-in comes first'; exit 1 ;;
esac
${command}`;

function describeDeath(behaviour: Behaviour, { create, minuteMs }: DriverUnderTest): void {
  behaviour('kill ends every process at once, daemons too, and ended resolves once', async (start) => {
    const { machine, token } = await start(daemons);
    await until('daemons run', () => processesWith(token).length >= 7);
    const freed = `exec env -i PATH="$PATH" sh -c '(setsid sleep ${forever}9 >/dev/null 2>&1 &)'`;
    expect(await sh(machine, freed)).toMatchObject({ exitCode: 0 });
    await until(
      'all run',
      () => commandsWith(`sleep ${forever}`).filter((text) => text.startsWith('sleep')).length >= 8,
    );
    await machine.kill();
    expect(processesWith(token)).toEqual([]);
    expect(commandsWith(forever)).toEqual([]);
    expect(await machine.ended).toBe('killed');
    await machine.kill();
    await expect(machine.exec(['true'], { timeoutMs: 1000 })).rejects.toThrow('gone');
  });

  behaviour('kill finds who dropped the variables of our prefix and lost its parents', async (start) => {
    const orphan = `sleep ${forever.replace('9000', '7000')}`;
    const script = `unset RUNCTL_SANDBOX_INSTANCE; (setsid sh -c "(${orphan} &)" &)`;
    const { machine } = await start(`#!/bin/sh\nsh -c '${script}'\n`);
    await until('it runs', () => commandsWith(orphan).length > 0);
    await machine.kill();
    expect(commandsWith(orphan)).toEqual([]);
  });

  behaviour('kill finds all of a family that keeps forking', async (start) => {
    const family = 'i=0; while [ $i -lt 400 ]; do (setsid sh -c "sleep 0.05; exec sleep 9010" &); i=$((i+1)); done';
    const { machine, token } = await start(`#!/bin/sh\n${family}\n`);
    await until('the family grows', () => processesWith(token).length > 20);
    await machine.kill();
    expect(processesWith(token)).toEqual([]);
  });

  behaviour('the power button gives handlers of TERM their time', async (start) => {
    const script = `#!/bin/sh
trap 'sleep 0.5; echo saved on TERM; exit 0' TERM
echo ready
while :; do sleep 0.05; done
`;
    // A busy computer needs longer than the others' limit for the handler.
    const patient = create({ stopLimitMs: 20_000 });
    const { machine, token } = await start(script, {}, patient);
    await until('ready', async () => (await printed(machine)).includes('ready'));
    for (let presses = 0; presses < 20; presses++) {
      machine.pressPowerButton();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await machine.ended).toBe('power-off');
    expect(await printed(machine)).toContain('saved on TERM');
    expect(processesWith(token)).toEqual([]);
    await patient.close();
  });

  behaviour('a power-off ends what ignores TERM when the time is up', async (start) => {
    const { machine, token } = await start('#!/bin/sh\ntrap "" TERM\necho ready\nwhile :; do sleep 0.05; done\n');
    await until('ready', async () => (await printed(machine)).includes('ready'));
    machine.pressPowerButton();
    expect(await machine.ended).toBe('power-off');
    expect(processesWith(token)).toEqual([]);
  });

  for (const command of ['shutdown -h now', 'poweroff', 'systemctl poweroff', 'init 0'])
    behaviour(`\`${command}\` inside powers this machine off and no other`, async (start) => {
      const [other, { machine }] = [await start(null), await start(`#!/bin/sh\n${guarded(command)}\n`)];
      expect(await machine.ended).toBe('power-off');
      expect(await output(other.machine, 'echo alive')).toBe('alive');
    });

  for (const [index, command] of ['halt', 'reboot', 'shutdown -r now'].entries())
    behaviour(`\`${command}\` ends what runs but leaves the machine on`, async (start) => {
      const [early, late] = [`sleep 8000.${process.pid}${index}1`, `sleep 8000.${process.pid}${index}2`];
      const { machine } = await start(`#!/bin/sh\n(${early} &)\necho begun\n${guarded(command)}\n${late}\n`);
      await until('it has begun', async () => (await printed(machine)).includes('begun'));
      await until('all ended', () => commandsWith(early).length + commandsWith(late).length === 0);
      await until('it takes commands again', async () => (await output(machine, 'echo alive')) === 'alive');
    });

  behaviour('a delayed shutdown comes, unless it is cancelled', async (start) => {
    const kept = await start(null);
    const begin = performance.now();
    const { machine } = await start(`#!/bin/sh\n${guarded('shutdown -h +2')}\n`);
    await sh(kept.machine, guarded('shutdown -h +2; shutdown -c'));
    const cancelled = performance.now();
    expect(await machine.ended).toBe('power-off');
    expect(performance.now() - begin).toBeGreaterThan(2 * minuteMs);
    await until('the cancelled one would have come', () => performance.now() > cancelled + 2.5 * minuteMs);
    expect(await output(kept.machine, 'echo alive')).toBe('alive');
  });

  behaviour('closing the driver ends a machine that is still being started', async (start) => {
    const closing = create({ stopLimitMs: STOP_LIMIT_MS });
    const begun = start('#!/bin/sh\nsleep 9014\n', {}, closing);
    await closing.close();
    const { machine, token } = await begun;
    await machine.ended;
    expect(processesWith(token)).toEqual([]);
    await expect(start(null, {}, closing)).rejects.toThrow('closed');
  });

  behaviour('a machine whose first process is killed from outside ends', async (start) => {
    const { machine, token } = await start('#!/bin/sh\necho ready\nsleep 9013\n');
    await until('ready', async () => (await printed(machine)).includes('ready'));
    const own = processesWith(token);
    const first = own.find((pid) => !own.includes(parentOf(pid)));
    process.kill(first!, 'SIGKILL');
    expect(await machine.ended).toBe('crashed');
    expect(processesWith(token)).toEqual([]);
  });
}

function describeNetwork(behaviour: Behaviour): void {
  behaviour('reaches its own metadata and the endpoints', async (start) => {
    const [a, b] = [await start(null), await start(null)];
    expect(await output(a.machine, `curl -s -m 5 "${METADATA}latest"`)).toBe(`imds of ${a.id} /latest`);
    expect(await output(b.machine, `curl -s -m 5 "${METADATA}latest"`)).toBe(`imds of ${b.id} /latest`);
    expect(await output(a.machine, 'curl -s -m 5 "$AWS_ENDPOINT_URL/bucket"')).toBe('endpoint /bucket');
    const python = `import os, urllib.request as u; print(u.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/p").read().decode())`;
    expect(await output(a.machine, `python3 -c '${python}'`)).toBe('endpoint /p');
  });

  behaviour('a partition cuts the endpoints of one machine, not its metadata, and heals', async (start) => {
    const requests: string[] = [];
    const endpoints: RequestListener = (request, response) => {
      requests.push(request.url ?? '');
      response.end('served');
    };
    const [a, b] = [await start(null, { endpoints }), await start(null)];
    expect(await output(a.machine, 'curl -s -m 5 "$AWS_ENDPOINT_URL/before"')).toBe('served');
    a.machine.setPartitioned(true);
    const cut = await sh(a.machine, 'curl -s -m 0.5 "$AWS_ENDPOINT_URL/during"');
    expect(cut.exitCode).toBe(28);
    expect(await output(a.machine, `curl -s -m 5 "${METADATA}x"`)).toContain('imds of');
    expect(await output(b.machine, 'curl -s -m 5 "$AWS_ENDPOINT_URL/x"')).toBe('endpoint /x');
    a.machine.setPartitioned(false);
    expect(await output(a.machine, 'curl -s -m 5 "$AWS_ENDPOINT_URL/after"')).toBe('served');
    expect(requests).toEqual(['/before', '/after']);
  });

  behaviour('a partition breaks a request that is on its way', async (start) => {
    let arrived = false;
    const endpoints: RequestListener = () => (arrived = true);
    const { machine } = await start(null, { endpoints });
    const request = sh(machine, 'curl -s -m 9 "$AWS_ENDPOINT_URL/slow"');
    await until('request arrived', () => arrived);
    machine.setPartitioned(true);
    expect((await request).exitCode).not.toBe(0);
  });
}
