import { intercepted } from '@runctl/store';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';
import { dyingLaptop } from '../testing/dying-laptop.ts';

/** What a laptop was about to do when it died. */
type Gap =
  | 'before the run is written'
  | 'before it is listed'
  | 'before its name is written'
  | 'before its intent'
  | 'before the machines are asked for'
  | 'before it learns what it got';

/** Part of the key of the write that the laptop does not live to see. */
const LAST_WRITE: Readonly<Record<Gap, string>> = {
  'before the run is written': '/spec.json',
  'before it is listed': 'index/',
  'before its name is written': 'names/',
  'before its intent': '/intent.json',
  'before the machines are asked for': 'provider.launch',
  'before it learns what it got': '/machines.json',
};

/** The first line of what a command says, and how it ends. */
async function answerOf(world: CommandWorld, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await world.run(argv);
  const error = /error\[([\w-]+)\]/.exec(stderr)?.[1];
  return `${exitCode} ${error ?? stdout.split('\n')[0]}`;
}

async function standing(world: CommandWorld, run: string): Promise<string> {
  const { exitCode, stdout, stderr } = await world.run(['status', run]);
  const error = /error\[([\w-]+)\]/.exec(stderr)?.[1];
  const state = /state +(.*)/.exec(stdout)?.[1]?.split(' ')[0];
  return exitCode === 0 ? `${state}${stdout.includes('stranded') ? ', stranded' : ''}` : String(error);
}

/** What the list says of the only run; null when it is not listed. */
async function listedState(world: CommandWorld): Promise<string | null> {
  const { stdout } = await world.run(['status']);
  return /<run> +\S+ +(\S+(?: for \S+ \S+)?)/.exec(stdout)?.[1] ?? null;
}

async function runsIn(world: CommandWorld): Promise<string[]> {
  const keys = await world.keys();
  return keys.flatMap((key) => /^runs\/(r-[a-z2-7]+)\/spec\.json$/.exec(key)?.[1] ?? []);
}

interface Answers {
  /** The state in the list; null = not listed. */
  readonly listed: string | null;
  readonly status: string;
  readonly resume: string;
  readonly stop: string;
}

/** What each command answers `afterMs` after the laptop died; each is asked in a world of its own. */
async function answers(gap: Gap, afterMs: number): Promise<Answers | 'no run'> {
  const ask = async (
    question: (world: CommandWorld, run: string) => Promise<string | null>,
  ): Promise<string | null> => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    const { revive } = dyingLaptop(world, { call: LAST_WRITE[gap] });
    const launch = await world.run(['launch', 'train.py', '--name', 'mine', '--yes', '--detach']);
    expect(launch.exitCode, launch.stderr).not.toBe(0);
    revive();
    await world.clock.advance(afterMs);
    const [run] = await runsIn(world);
    return run === undefined ? null : await question(world, run);
  };
  const status = await ask(standing);
  if (status === null) return 'no run';
  const listed = await ask(listedState);
  const resume = await ask((world, run) => answerOf(world, ['resume', run, '--yes', '--detach']));
  const stop = await ask((world, run) => answerOf(world, ['stop', run]));
  return { listed, status, resume: String(resume), stop: String(stop) };
}

const SOON_MS = 5000;
const LATE_MS = 150_000;
const resumed = expect.stringMatching(/^0 /) as unknown as string;
const stopped = expect.stringMatching(/^0 /) as unknown as string;

const soon = { status: 'launching', resume: '11 run-active', stop: '11 run-active' };
const late = { status: 'launching, stranded', resume: resumed, stop: '11 not-resumable' };

test.each<[Gap, number, Answers | 'no run']>([
  ['before the run is written', SOON_MS, 'no run'],
  ['before it is listed', SOON_MS, { listed: null, ...soon }],
  ['before it is listed', LATE_MS, { listed: null, ...late }],
  ['before its name is written', SOON_MS, { listed: 'launching', ...soon }],
  ['before its name is written', LATE_MS, { listed: 'stranded', ...late }],
  ['before its intent', SOON_MS, { listed: 'launching', ...soon }],
  ['before its intent', LATE_MS, { listed: 'stranded', ...late }],
  // Whether the provider was asked, nobody knows: `stop` waits until it must show what it made.
  ['before the machines are asked for', SOON_MS, { listed: 'launching', ...soon, stop: stopped }],
  ['before the machines are asked for', LATE_MS, { listed: 'launching for 2m 30s', ...late, stop: stopped }],
  ['before it learns what it got', SOON_MS, { listed: 'launching', ...soon, stop: stopped }],
  [
    'before it learns what it got',
    LATE_MS,
    { listed: 'launching for 2m 30s', status: 'launching', resume: '11 run-active', stop: stopped },
  ],
])('a laptop dies %s; %d ms later the commands agree', { timeout: 30_000 }, async (gap, afterMs, expected) => {
  expect(await answers(gap, afterMs)).toEqual(expected);
});

test.each<Gap>(['before it is listed', 'before its name is written'])(
  'a run whose laptop died %s is listed once it is resumed',
  async (gap) => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    const { revive } = dyingLaptop(world, { call: LAST_WRITE[gap] });
    await world.run(['launch', 'train.py', '--name', 'mine', '--yes', '--detach']);
    revive();
    await world.clock.advance(LATE_MS);
    const [run = ''] = await runsIn(world);
    expect((await world.run(['resume', run, '--yes', '--detach'])).exitCode).toBe(0);
    expect((await world.run(['status'])).stdout).toContain('<run>');
    expect(world.capacityStates()).toEqual(['active']);
  },
);

test('a name whose run was never written can be taken', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  const launch = ['launch', 'train.py', '--name', 'mine', '--yes', '--detach'];
  expect((await world.run(launch)).exitCode).toBe(0);
  expect((await world.run(launch)).stderr).toContain('error[name-taken]');
  const [run = ''] = await runsIn(world);
  await world.store.delete([`runs/${run}/spec.json`]);
  expect((await world.run(launch)).exitCode).toBe(0);
  expect(await runsIn(world)).not.toContain(run);
  expect((await world.run(['status', 'mine'])).stdout).toContain('<run> (mine)');
});

test('who comes second to a launch takes nothing of the run away', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  const { store } = world;
  world.cloudStore = intercepted(store, async ({ operation: method, key }, work) => {
    // Somebody else is quicker with the intent of the same launch.
    if (method === 'put' && key?.endsWith('/intent.json') === true)
      await store.put(key, Buffer.from('{"version":2}\n'));
    return work();
  });
  const launch = await world.run(['launch', 'train.py', '--name', 'mine', '--yes', '--detach']);
  expect(launch.stderr).toContain('error[run-active]');
  expect(await runsIn(world)).toHaveLength(1);
  expect((await world.keys()).filter((key) => /^(index|names)\//.test(key))).toHaveLength(2);
});

interface Forgetful {
  readonly what: string;
  readonly afterMs: number;
  readonly status: 'unknown' | 'ended' | 'ending';
  /** Whether the provider still shows the machine, which has ended. */
  readonly shows: boolean;
  readonly isStranded: boolean;
}

test.each<Forgetful>([
  { what: 'not known yet', afterMs: 5000, status: 'unknown', shows: false, isStranded: false },
  { what: 'not known after almost two minutes', afterMs: 110_000, status: 'unknown', shows: false, isStranded: false },
  { what: 'not known after two minutes', afterMs: 125_000, status: 'unknown', shows: false, isStranded: true },
  { what: 'seen once and gone', afterMs: 5000, status: 'unknown', shows: true, isStranded: true },
  { what: 'ended', afterMs: 5000, status: 'ended', shows: false, isStranded: true },
  { what: 'ending with no machine left', afterMs: 5000, status: 'ending', shows: true, isStranded: true },
])('a capacity that is $what: status and resume agree', async ({ afterMs, status, shows, isStranded }) => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  expect((await world.run(['launch', 'train.py', '--yes', '--detach'])).exitCode).toBe(0);
  await world.clock.advance(afterMs);
  world.beforeProvider = (provider) => ({
    ...provider,
    can: provider.can,
    name: provider.name,
    place: provider.place,
    offers: (wish) => provider.offers(wish),
    target: (wish, offers) => provider.target(wish, offers),
    launch: (request) => provider.launch(request),
    find: () => Promise.resolve(null),
    events: (_ref, sinceMs) => Promise.resolve({ events: [], nextSinceMs: sinceMs }),
    end: (launched, how) => provider.end(launched, how),
    describe: (target) => provider.describe(target),
    nameOf: (ref) => provider.nameOf(ref),
    close: () => provider.close(),
    state: () => Promise.resolve({ status, wanted: 0, running: 0, providerWord: null }),
    machines: async (run) =>
      shows ? (await provider.machines(run)).map((machine) => ({ ...machine, state: 'ended' as const })) : [],
  });
  const [run = ''] = await runsIn(world);
  expect(await standing(world, run)).toBe(`provisioning${isStranded ? ', stranded' : ''}`);
  expect(await answerOf(world, ['resume', run, '--yes', '--detach'])).toMatch(isStranded ? /^0 / : '11 run-active');
});
