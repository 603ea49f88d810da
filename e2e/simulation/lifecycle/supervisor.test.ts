import { describeSupervisor, type SupervisorUnderTest, type WorkloadHabit } from '@runctl/agent/workload/conformance';
import { Disk } from '../disk.ts';
import { MachineClock, Process } from '../process.ts';
import { randomOf } from '../random.ts';
import { FinishedSaves } from '../saves.ts';
import { Timeline } from '../timeline.ts';
import { type Duties, type Habits, Trainer } from '../trainer.ts';
import { type Bench, SimulatedSupervisor } from './supervisor.ts';

const FOLDER = '/checkpoints';
const LIMIT_MS = 3_600_000;
const IMPOSSIBLE = 'impossible';

const habits: Habits = {
  layout: {
    kind: 'stepped-files',
    files: [{ name: 'weights.bin', sizeBytes: 24, constantBytes: 0 }],
    keeps: null,
    growsLog: false,
  },
  onTerm: 'saves',
  trainMs: 1000,
  pieceMs: 10,
  overwrites: false,
  pauseMs: 0,
};

const duties: Duties = {
  lastStep: Number.POSITIVE_INFINITY,
  crashesWith: () => null,
  stepped: () => {},
  say: () => {},
  finished: () => {},
};

/** A simulated machine whose time goes on while the test waits. */
async function machine(): Promise<SupervisorUnderTest> {
  const random = randomOf(1);
  const timeline = new Timeline(random.fork());
  const clock = new MachineClock(timeline, { rate: 1, wallOffsetMs: 0 });
  const disk = new Disk(() => clock.wallMs());
  disk.makeFolder(FOLDER, true);
  const trainers: Trainer[] = [];
  const begin = (habit: WorkloadHabit): Trainer => {
    const trainer = new Trainer({
      disk,
      folder: FOLDER,
      timeline,
      random: random.fork(),
      habits: { ...habits, onTerm: habit === 'ignores-sigterm' ? 'ignores' : 'saves' },
      saves: new FinishedSaves(),
      wallMs: () => clock.wallMs(),
      wallOffsetMs: () => 0,
      duties: { ...duties, crashesWith: () => (habit === 'exits-7' ? 7 : null) },
    });
    trainers.push(trainer);
    return trainer;
  };
  const bench: Bench = {
    slot: null,
    begin: ({ command: [word] }) => {
      if (word === IMPOSSIBLE) throw new Error('the start failed');
      return begin(word as WorkloadHabit);
    },
    forgotten: () => {
      throw new Error('a script that runs was forgotten');
    },
  };
  const host = { name: 'machine', disk, clock };
  const agent = () => new Process(host, { timeline, random: random.fork(), name: 'agent', onDeath: () => {} });
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const watched = promise.finally(() => (isOver = true));
    watched.catch(() => {});
    await timeline.run(() => isOver, LIMIT_MS);
    return watched;
  };
  const command = (word: string) => ({ command: [word], folder: FOLDER, environment: {} });
  return {
    supervisor: () => new SimulatedSupervisor(agent(), bench),
    command,
    impossible: command(IMPOSSIBLE),
    ready: () => settle(timeline.sleep(100)),
    ended: async () => void (await settle(Promise.all(trainers.map(({ done }) => done)))),
    sigterms: async () => trainers.filter(({ told }) => told).length,
    wallMs: () => clock.wallMs(),
    settle,
    [Symbol.asyncDispose]: async () => {
      for (const trainer of trainers) trainer.kill();
    },
  };
}

describeSupervisor('a simulated script', machine);
