import { writeFile } from 'node:fs/promises';
import type { AgentPorts, Checkpoints, Supervisor } from '@runctl/agent/life';
import { runKeys, timestampOf } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { RUN } from '../agent.ts';
import type { LifeMachine, LifeParts } from './life-machine.ts';
import { realLifeParts } from './life-world.ts';

const keys = runKeys(RUN);

/** A guarantee of the agent's life broken on purpose: what it would be without one of its cares. */
export interface LifeMutant {
  readonly breaks: string;
  /** Where to begin, for one that shows seldom (default 1). */
  readonly firstSeed?: number;
  readonly parts: LifeParts;
  /** Part of what a world that finds it says. */
  readonly seenAs: RegExp;
}

const mutant = (
  breaks: string,
  seenAs: RegExp,
  ports: (ports: AgentPorts) => Partial<AgentPorts>,
  firstSeed = 1,
): LifeMutant => ({
  breaks,
  seenAs,
  firstSeed,
  parts: { ...realLifeParts, ports: (real) => ({ ...real, ...ports(real) }) },
});

export const lifeMutants: readonly LifeMutant[] = [
  mutant(
    'releases the lease before the last save is durable',
    /is not durable|was saved last|while nobody/,
    (ports) => releasingEarly(ports),
    91,
  ),
  mutant('does not delete its fleet', /leaves a fleet behind/, ({ host }) => ({
    host: { ...host, successors: { ...host.successors, end: () => Promise.resolve() } },
  })),
  mutant('deletes the fleet before it has written the outcome', /before the launch has an outcome/, (ports) => ({
    store: lazyOutcome(ports),
  })),
  mutant('does not adopt a script that runs', /beside one that runs|forgets a script/, (ports) => ({
    supervisor: supervising(ports, () => ({ adopt: () => Promise.resolve(null) })),
  })),
  mutant('counts a crash again after the death of an agent', /crashes, and there were|has no reason/, (ports) => ({
    supervisor: supervising(ports, (real) => ({ adopt: () => forgetful(ports, real) })),
  })),
  mutant('lets the script of a lost lease go on', /still trains in generation/, (ports) => deafToFencing(ports), 71),
  mutant('takes exit 0 after SIGTERM for a finish', /no script has finished/, (ports) => ({
    supervisor: supervising(ports, (real) => ({ exited: (signal) => markingDone(ports, real, signal) })),
  })),
  mutant('does not look for what an earlier machine saved', /begin anew beside a checkpoint/, (ports) => ({
    checkpoints: (request) => ({ ...ports.checkpoints(request), restore: () => Promise.resolve(null) }),
  })),
  mutant('does not look for notices', /does not tell its script/, ({ host }) => ({
    host: {
      ...host,
      watch: (options) => host.watch({ ...options, events: { ...options.events, onNotice: () => {} } }),
    },
  })),
  mutant('does not hear who wants the run to stop', /trains on after it was to stop/, ({ store }) => ({
    store: without(store, keys.controlFolder),
  })),
  mutant(
    'ships the log from its beginning after the death of an agent',
    /the log of generation|no script of/,
    (ports) => ({
      uploadStore: repeatingLogs(ports.uploadStore),
    }),
  ),
  {
    breaks: 'rests again after it has outlived its notice and its agent died',
    firstSeed: 81,
    seenAs: /forgets a script that runs/,
    parts: { ...realLifeParts, agentDied: restAgain },
  },
];

function releasingEarly(ports: AgentPorts): Partial<AgentPorts> {
  let release = (): Promise<void> => Promise.resolve();
  return {
    lease: (request) => {
      const keeper = ports.lease(request);
      release = () => keeper.release().catch(() => {});
      return keeper;
    },
    checkpoints: (request) => {
      const real = ports.checkpoints(request);
      const pass: Checkpoints['publisher']['pass'] = async (options) => {
        if (options.ended !== undefined) await release();
        return real.publisher.pass(options);
      };
      return { ...real, publisher: { ...real.publisher, pass } };
    },
  };
}

function lazyOutcome({ clock, store }: AgentPorts): ObjectStore {
  const put: ObjectStore['put'] = async (key, body, options) => {
    if (key !== keys.launch(1).outcome) return store.put(key, body, options);
    clock
      .sleep(5000)
      .then(() => store.put(key, body, options))
      .catch(() => {});
    return { etag: 'soon' };
  };
  return withPut(store, put);
}

function supervising(ports: AgentPorts, change: (real: Supervisor) => Partial<Supervisor>): AgentPorts['supervisor'] {
  return (timing) => {
    const real = ports.supervisor(timing);
    return {
      start: (command) => real.start(command),
      adopt: () => real.adopt(),
      exited: (signal) => real.exited(signal),
      signal: (...told) => real.signal(...told),
      stopping: () => real.stopping(),
      survivors: () => real.survivors(),
      traits: () => real.traits(),
      forget: () => real.forget(),
      ...change(real),
    };
  };
}

/** Does not know a script again. */
async function forgetful({ clock }: AgentPorts, real: Supervisor): ReturnType<Supervisor['adopt']> {
  const found = await real.adopt();
  return found === null ? null : { ...found, id: `${found.id} at ${clock.monotonicMs()}` };
}

async function markingDone(
  { paths }: AgentPorts,
  real: Supervisor,
  signal: AbortSignal,
): ReturnType<Supervisor['exited']> {
  const end = await real.exited(signal);
  await writeFile(paths.done, 'done').catch(() => {});
  return end;
}

function deafToFencing(ports: AgentPorts): Partial<AgentPorts> {
  return {
    lease: (request) => {
      const keeper = ports.lease(request);
      return changed(keeper, { run: (signal) => keeper.run(signal, () => {}) });
    },
  };
}

function without(store: ObjectStore, prefix: string): ObjectStore {
  return changed(store, {
    async *list(options) {
      if (!options.prefix.startsWith(prefix)) yield* store.list(options);
    },
  });
}

function repeatingLogs(store: ObjectStore): ObjectStore {
  const put: ObjectStore['put'] = (key, body, options) =>
    store.put(key, body, key.includes('/logs/') ? { signal: options?.signal } : options);
  return without(withPut(store, put), `${keys.root}logs/`);
}

function withPut(store: ObjectStore, put: ObjectStore['put']): ObjectStore {
  return changed(store, { put });
}

function changed<T extends object>(real: T, change: Partial<T>): T {
  return new Proxy(real, {
    get: (target, name) => {
      const member: unknown = Reflect.get(name in change ? change : target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** As if the rest that a survivor has behind it had never been struck out. */
function restAgain({ disk, paths }: LifeMachine): void {
  const journal = disk.find(paths.journal);
  if (journal?.kind !== 'file') return;
  const state = JSON.parse(journal.bytes.toString()) as { readonly outlivedNotice: string | null };
  if (state.outlivedNotice === null) return;
  journal.bytes = Buffer.from(JSON.stringify({ ...state, restUntil: timestampOf(0) }));
}
