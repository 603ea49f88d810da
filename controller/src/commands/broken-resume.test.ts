import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';
import { dyingLaptop, type LastCall } from '../testing/dying-laptop.ts';

/** What a laptop was about to do when it died, by the command that it ran. */
const GAPS = {
  resume: {
    'before it ends what is left': { call: 'provider.end' },
    'before the run is listed': { call: 'index/' },
    'before the intent': { call: '/intent.json' },
    'before the machines are asked for': { call: 'provider.launch' },
    'before it learns what it got': { call: '/machines.json' },
  },
  stop: {
    'before it takes the run': { call: 'lease.json' },
    'before the outcome': { call: '/outcome.json' },
    'before it gives the run back': { call: 'lease.json', nth: 2 },
    'before the machines are ended': { call: 'provider.end' },
  },
} as const satisfies Record<string, Record<string, LastCall>>;

type Command = keyof typeof GAPS;
type GapOf<C extends Command> = keyof (typeof GAPS)[C];

interface Answers {
  /** The state in the list, and in the detail with what it adds. */
  readonly listed: string;
  readonly status: string;
  /** Exit code and code of the error; afterwards the states of all that was launched at the provider. */
  readonly resume: string;
  readonly stop: string;
}

/** A run whose laptop died at one call, asked one question in a world of its own. */
async function ask<C extends Command>(
  [command, gap]: [C, GapOf<C>],
  afterMs: number,
  question: (world: CommandWorld) => Promise<string>,
): Promise<string> {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  await world.run(['launch', 'train.py', '--name', 'mine', '--yes', '--detach']);
  await world.clock.advance(300_000);
  if (command === 'resume') await stopped(world, gap === 'before it ends what is left');
  const { revive } = dyingLaptop(world, GAPS[command][gap] as LastCall);
  const died = await world.run(command === 'stop' ? ['stop', 'mine'] : ['resume', 'mine', '--yes', '--detach']);
  expect(died.exitCode, died.stdout).not.toBe(0);
  revive();
  await world.clock.advance(afterMs);
  return await question(world);
}

/** The first launch is over; with `leaves` the laptop that stopped it died before its machines were gone. */
async function stopped(world: CommandWorld, leaves: boolean): Promise<void> {
  const { revive } = leaves ? dyingLaptop(world, { call: 'provider.end' }) : { revive: () => {} };
  await world.run(['stop', 'mine']);
  revive();
  await world.clock.advance(300_000);
}

async function listed(world: CommandWorld): Promise<string> {
  const { stdout } = await world.run(['status']);
  return /<run> +mine +(\S+( for)?)/.exec(stdout)?.[1] ?? stdout;
}

async function standing(world: CommandWorld): Promise<string> {
  const { stdout } = await world.run(['status', 'mine']);
  const added = ['stranded', 'left over'].filter((word) => stdout.includes(word));
  return [/state +(\w+)/.exec(stdout)?.[1], ...added].join(', ');
}

const answerTo =
  (...argv: readonly string[]) =>
  async (world: CommandWorld): Promise<string> => {
    const { exitCode, stderr } = await world.run(argv);
    const code = /error\[([\w-]+)\]/.exec(stderr)?.[1];
    return `${exitCode}${code === undefined ? '' : ` ${code}`}: ${world.capacityStates().join(', ')}`;
  };

const SOON_MS = 5000;
const LATE_MS = 150_000;

/** Nothing of the resumption is left. */
const asBefore = { listed: 'stopped', status: 'stopped', resume: '0: ended, active', stop: '0: ended' };
const asked = { listed: 'launching', status: 'launching', resume: '11 run-active: ended', stop: '0: ended' };
const heard = { status: 'launching', resume: '11 run-active: ended, active', stop: '0: ended, ended' };

test.each<[GapOf<'resume'>, number, Answers]>([
  ['before it ends what is left', SOON_MS, { ...asBefore, status: 'stopped, left over' }],
  ['before it ends what is left', LATE_MS, { ...asBefore, status: 'stopped, left over' }],
  ['before the run is listed', SOON_MS, asBefore],
  ['before the run is listed', LATE_MS, asBefore],
  ['before the intent', SOON_MS, asBefore],
  ['before the intent', LATE_MS, asBefore],
  // Whether the provider was asked, nobody knows: for two minutes it may show what it made.
  ['before the machines are asked for', SOON_MS, asked],
  [
    'before the machines are asked for',
    LATE_MS,
    { listed: 'launching for', status: 'launching, stranded', resume: '0: ended, active', stop: '0: ended' },
  ],
  ['before it learns what it got', SOON_MS, { ...heard, listed: 'launching' }],
  ['before it learns what it got', LATE_MS, { ...heard, listed: 'launching for' }],
])(
  'a laptop dies while it resumes, %s; %d ms later the commands agree',
  { timeout: 30_000 },
  async (gap, ms, expected) => {
    expect(await answers(['resume', gap], ms)).toEqual(expected);
  },
);

const goesOn = {
  listed: 'provisioning for',
  status: 'provisioning',
  resume: '11 run-active: active',
  stop: '0: ended',
};
/** Whoever resumes ends what is left first, so that nothing is paid for twice. */
const isOver = { listed: 'stopped', status: 'stopped', resume: '0: ended, active', stop: '0: ended' };

test.each<[GapOf<'stop'>, number, Answers]>([
  ['before it takes the run', SOON_MS, goesOn],
  ['before it takes the run', LATE_MS, goesOn],
  // Until the hold of the dead laptop runs out, `stop` waits.
  ['before the outcome', SOON_MS, goesOn],
  ['before the outcome', LATE_MS, goesOn],
  ['before it gives the run back', SOON_MS, isOver],
  ['before it gives the run back', LATE_MS, { ...isOver, status: 'stopped, left over' }],
  ['before the machines are ended', SOON_MS, isOver],
  ['before the machines are ended', LATE_MS, { ...isOver, status: 'stopped, left over' }],
])(
  'a laptop dies while it stops, %s; %d ms later the commands agree',
  { timeout: 30_000 },
  async (gap, ms, expected) => {
    expect(await answers(['stop', gap], ms)).toEqual(expected);
  },
);

async function answers<C extends Command>(gap: [C, GapOf<C>], afterMs: number): Promise<Answers> {
  return {
    listed: await ask(gap, afterMs, listed),
    status: await ask(gap, afterMs, standing),
    resume: await ask(gap, afterMs, answerTo('resume', 'mine', '--yes', '--detach')),
    stop: await ask(gap, afterMs, answerTo('stop', 'mine')),
  };
}

test('a stop says that it waits for a laptop which holds the run, and asks it for nothing', async () => {
  const said = await ask(['stop', 'before the outcome'], SOON_MS, async (world) => {
    const { stderr } = await world.run(['stop', 'mine']);
    expect((await world.keys()).filter((key) => key.includes('/control/'))).toEqual([]);
    return stderr;
  });
  expect(said).toContain('laptop:me@laptop has taken the run, or died at it: waiting until its hold ends');
  expect(said).not.toContain('asked');
});
