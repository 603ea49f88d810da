import { createHash } from 'node:crypto';
import {
  type AgentConfig,
  type ControlDocument,
  controlDocument,
  defaultRetention,
  encodeDocument,
  FORMAT_VERSION,
  type LaunchMachines,
  launchMachines,
  type LaunchIntent,
  launchIntent,
  runKeys,
  type RunSpec,
  runSpec,
  scaledTiming,
  sha256OfDocument,
  timestampOf,
} from '@runctl/protocol';
import { RUN } from '../agent.ts';
import { interposed } from '../interpose.ts';
import { ModelS3 } from '../model-s3.ts';
import { PACE } from '../parts.ts';
import { EPOCH_MS } from '../process.ts';
import { type Random, randomOf } from '../random.ts';
import { FinishedSaves, layoutOf } from '../saves.ts';
import { Timeline } from '../timeline.ts';
import { type Habits, habitsOf } from '../trainer.ts';
import { CALM, weatherOf } from '../weather.ts';
import { portsOf } from './agent-ports.ts';
import { Fleet, FLEET_ID } from './fleet.ts';
import { LifeInvariants } from './life-invariants.ts';
import { LifeMachine, type LifeParts, type LifeSurroundings, PROJECT } from './life-machine.ts';
import { type ScriptPlan, scriptPlanOf } from './script.ts';

const keys = runKeys(RUN);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** In which a run must end once the weather is calm and nothing more goes wrong. */
const ENDING_MS = 15 * MINUTE_MS;
const LIMIT_MS = 2 * HOUR_MS;
/** A run takes some two thousand. */
const MOST_EVENTS = 60_000;
/** So long after the bad times agents may still die. */
const LATE_DEATHS_MS = 40_000;
/** Most machines that a world's chaos takes. */
const MOST_FATES = 8;
const ARCHIVE_KEY = 'code/tree/project.tar.gz';
const ARCHIVE = Buffer.from('the project');

/** The product as it is. */
export const realLifeParts: LifeParts = { ports: (ports) => ports, agentDied: () => {} };

export interface LifeWorldOptions {
  readonly parts?: LifeParts;
  readonly trace?: (line: string) => void;
}

export interface LifeWorldReport {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: LifeInvariants['counts'] &
    LifeInvariants['engine']['counts'] & {
      readonly saves: number;
      readonly deaths: number;
      readonly machines: number;
      readonly succeeded: number;
      readonly stopped: number;
      readonly failed: number;
      readonly events: number;
      readonly seconds: number;
    };
}

/** One run's whole life in one world: everything in it follows from the seed. */
export async function runLifeWorld(seed: number, options: LifeWorldOptions = {}): Promise<LifeWorldReport> {
  const random = randomOf(seed);
  const timeline = new Timeline(random.fork());
  const done = interposed.use({ random: random.fork(), timeline });
  try {
    return await new LifeWorld(seed, { random, timeline, ...options }).run();
  } finally {
    done();
  }
}

interface Given extends LifeWorldOptions {
  readonly random: Random;
  readonly timeline: Timeline;
}

class LifeWorld {
  readonly #seed: number;
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #s3: ModelS3;
  readonly #saves = new FinishedSaves();
  readonly #fleet: Fleet;
  readonly #habits: Habits;
  readonly #plan: ScriptPlan;
  readonly #spec: RunSpec;
  readonly #invariants: LifeInvariants;
  readonly #at: LifeSurroundings;
  #written: AgentConfig['written'] = { specSha256: '', intentSha256: null };
  #over = false;
  #chaosMs = 0;
  #fates = 0;
  #trouble = 0;
  /** Whether EC2 replaces a machine with its notice, and not only when it is gone. */
  readonly #early: boolean;
  /** Whether the weather is always calm. */
  readonly #fair: boolean;
  /** Share of notices that do not come true. */
  readonly #spared: number;

  constructor(seed: number, { random, timeline, parts = realLifeParts, trace }: Given) {
    this.#seed = seed;
    this.#random = random;
    this.#timeline = timeline;
    this.#s3 = new ModelS3(timeline, random.fork());
    this.#habits = habitsOf(random, layoutOf(random));
    this.#plan = scriptPlanOf(random, this.#habits.trainMs);
    this.#spec = specOf(random);
    this.#early = random.chance(0.4);
    this.#fair = random.chance(0.3);
    this.#spared = random.pick([0.1, 0.1, 0.6]);
    const world = { s3: this.#s3, saves: this.#saves, habits: this.#habits, plan: this.#plan, spec: this.#spec };
    this.#invariants = new LifeInvariants(world);
    this.#s3.observer = this.#invariants;
    this.#fleet = new Fleet({
      timeline,
      random: random.fork(),
      serving: () => this.#serving(),
      boot: () => this.#boot(),
      deleting: (by) => this.#invariants.deleting(by),
    });
    const seconds = (): string => (timeline.nowMs / 1000).toFixed(2);
    this.#at = {
      ...world,
      timeline,
      random: random.fork(),
      disks: interposed.disks,
      fleet: this.#fleet,
      written: () => this.#written,
      portsOf,
      parts,
      invariants: this.#invariants,
      partSizeBytes: random.pick([48, 64, 1024]),
      trouble: () => this.#trouble,
      trace: trace === undefined ? null : (line) => trace(`${seconds()} ${line}`),
    };
  }

  async run(): Promise<LifeWorldReport> {
    const story = this.#story().catch((error: unknown) => {
      this.#invariants.violated(`the world broke: ${error instanceof Error ? error.stack : String(error)}`);
      this.#over = true;
    });
    try {
      await this.#timeline.run(() => this.#over, LIMIT_MS);
    } catch (error) {
      this.#invariants.violated(error instanceof Error ? error.message : String(error));
      this.#over = true;
    }
    if (!this.#over) this.#invariants.violated('everything in the world waits for something that never comes');
    else await story;
    return this.#report();
  }

  async #story(): Promise<void> {
    const random = this.#random;
    this.#chaosMs = random.int(10_000, 50_000);
    this.#invariants.forbidden = random.chance(0.03);
    if (this.#invariants.forbidden) this.#fleet.forbiddenUntilMs = this.#chaosMs;
    await this.#launch();
    this.#changeWeather();
    if (random.chance(0.15)) this.#takeRightsAway();
    if (random.chance(0.12)) this.#timeline.at(random.int(1000, this.#chaosMs), () => void this.#wishStop());
    this.#fleet.reconcile();
    while (this.#timeline.nowMs < this.#chaosMs) await this.#second();
    this.#settle();
    const limitMs = this.#timeline.nowMs + ENDING_MS;
    while (!this.#isOver() && this.#timeline.nowMs < limitMs && this.#timeline.events < MOST_EVENTS)
      await this.#second();
    if (this.#timeline.events >= MOST_EVENTS) this.#invariants.violated('somebody is busy without end');
    await this.#invariants.atTheEnd(this.#fleet);
    this.#over = true;
  }

  async #second(): Promise<void> {
    await this.#timeline.sleep(1000);
    this.#invariants.tick();
  }

  #isOver(): boolean {
    const on = this.#invariants.machines.some(({ alive }) => alive);
    return this.#invariants.outcome !== null && !this.#fleet.exists && !on && this.#s3.underWay === 0;
  }

  /** What a laptop leaves in the bucket before it is closed. */
  async #launch(): Promise<void> {
    const { contents } = this.#s3;
    const at = timestampOf(EPOCH_MS);
    const intent: LaunchIntent = {
      version: FORMAT_VERSION,
      run: RUN,
      launch: 1,
      at,
      provider: 'aws',
      target: {},
      tools: { agentKey: 'a', agentSha256: 'a', nodeKey: 'n', nodeSha256: 'n' },
      arguments: null,
      token: 'token',
      market: 'spot',
      offers: [{ machineType: 'g5.xlarge', location: 'us-east-1a', market: 'spot', pricePerHourUsd: 3.6 }],
      validUntil: timestampOf(EPOCH_MS + 48 * HOUR_MS),
      by: 'laptop',
      nonce: 'nonce',
    };
    const machines: LaunchMachines = {
      version: FORMAT_VERSION,
      run: RUN,
      launch: 1,
      at,
      provider: 'aws',
      ref: { fleetId: FLEET_ID, launchTemplateId: 'lt-1' },
      replacing: null,
    };
    await contents.put(ARCHIVE_KEY, ARCHIVE);
    const bytes = { spec: encodeDocument(runSpec, this.#spec), intent: encodeDocument(launchIntent, intent) };
    this.#written = { specSha256: sha256OfDocument(bytes.spec), intentSha256: sha256OfDocument(bytes.intent) };
    await contents.put(keys.spec, bytes.spec);
    await contents.put(keys.launch(1).intent, bytes.intent);
    await contents.put(keys.launch(1).machines, encodeDocument(launchMachines, machines));
  }

  /** Somebody with a laptop stops the run. */
  async #wishStop(): Promise<void> {
    this.#invariants.stopWantedMs = this.#timeline.nowMs;
    const atMs = EPOCH_MS + this.#timeline.nowMs;
    const wish: ControlDocument = {
      version: FORMAT_VERSION,
      action: 'stop',
      args: { graceMs: this.#random.pick([null, 5000]), budgetUsd: null },
      launch: 1,
      at: timestampOf(atMs),
      by: 'laptop',
      nonce: 'stop',
    };
    await this.#s3.contents.put(keys.control(atMs, 'stop'), encodeDocument(controlDocument, wish));
  }

  #serving(): number {
    return this.#invariants.machines.filter(({ alive, cutOffUntilMs, metadata }) => {
      const leaves = this.#early && metadata.instanceAction !== null;
      return alive && !leaves && cutOffUntilMs <= this.#timeline.nowMs;
    }).length;
  }

  #boot(): void {
    const random = this.#random;
    const name = `i-${this.#invariants.machines.length}`;
    const dies = this.#isChaos() && random.chance(0.5);
    const machine = new LifeMachine(name, this.#at, {
      diesWithin: dies ? random.pick([150, 600, 2500]) : null,
      clockRate: 1 + (random.next() - 0.5) / 100,
      wallOffsetMs: random.chance(0.5) ? 0 : random.int(-3 * HOUR_MS, 3 * HOUR_MS),
      showsTags: random.chance(0.7),
    });
    this.#invariants.machines.push(machine);
    this.#invariants.engine.machines.push(machine);
    machine.start();
    if (this.#isChaos() && this.#fates++ < MOST_FATES) this.#fate(machine);
  }

  #isChaos(): boolean {
    return this.#timeline.nowMs < this.#chaosMs;
  }

  /** What becomes of a machine in bad times. */
  #fate(machine: LifeMachine): void {
    const random = this.#random;
    const { nowMs } = this.#timeline;
    const endMs = random.int(nowMs, Math.max(nowMs, this.#chaosMs));
    const { noticeMs, shutdownMs } = this.#spec.timing;
    switch (random.pick(['notice', 'notice', 'notice', 'power-cut', 'button', 'cut-off', 'cut-off', 'none'] as const)) {
      case 'notice':
        this.#timeline.at(endMs, () => this.#notice(machine, noticeMs));
        break;
      case 'power-cut':
        this.#timeline.at(endMs, () => machine.cutPower());
        break;
      case 'button':
        this.#timeline.at(endMs, () => machine.pressPowerButton(shutdownMs + 2000));
        break;
      case 'cut-off':
        this.#timeline.at(endMs, () => machine.cutOff(random.int(10_000, 60_000)));
        break;
      default:
    }
    if (random.chance(0.3))
      this.#timeline.at(random.int(nowMs, endMs), () => machine.freezeAgent(random.pick([2000, 10_000, 20_000])));
    if (random.chance(0.15)) this.#timeline.at(random.int(nowMs, endMs), () => machine.trainer?.kill('SIGSEGV'));
    for (let deaths = random.pick([0, 0, 1, 2]); deaths > 0; deaths--)
      this.#timeline.at(random.int(nowMs, this.#chaosMs + LATE_DEATHS_MS), () => machine.process?.die());
    if (random.chance(0.15))
      this.#timeline.at(random.int(nowMs, endMs), () => {
        this.#invariants.counts.clockSteps++;
        machine.clock.wallOffsetMs += random.int(-HOUR_MS, HOUR_MS);
      });
    if (random.chance(0.1))
      this.#timeline.at(random.int(nowMs, endMs), () => (machine.rebalance = '{"noticeTime":"x"}'));
  }

  #notice(machine: LifeMachine, noticeMs: number): void {
    const random = this.#random;
    const windowMs = random.pick([noticeMs, noticeMs, noticeMs, noticeMs / 3]);
    const spared = random.chance(this.#spared);
    if (spared) this.#invariants.counts.survivors++;
    machine.notice(windowMs, { spared, withdrawn: random.chance(0.5) });
    // A second one soon after the first.
    if (spared && random.chance(0.3))
      this.#timeline.after(windowMs + random.int(11_000, 30_000), () => {
        if (this.#isChaos()) machine.notice(noticeMs, { spared: false, withdrawn: false });
      });
  }

  /** Somebody takes a right on the bucket away in the middle of the run, and gives it back. */
  #takeRightsAway(): void {
    const random = this.#random;
    const fromMs = random.int(3000, this.#chaosMs);
    const untilMs = Math.min(this.#chaosMs, fromMs + random.int(2000, 25_000));
    const what = random.pick(['writing', 'everything'] as const);
    this.#timeline.at(fromMs, () => {
      if (!this.#isChaos()) return;
      this.#invariants.counts.denials++;
      this.#s3.denied = what;
      this.#invariants.calmSinceMs = null;
    });
    this.#timeline.at(untilMs, () => (this.#s3.denied = 'nothing'));
  }

  #changeWeather(): void {
    if (!this.#isChaos()) return;
    const weather = this.#fair ? CALM : weatherOf(this.#random);
    this.#s3.weather = weather;
    this.#trouble = weather === CALM ? 0 : this.#random.pick([0, 0.05, 0.3]);
    this.#fleet.trouble = this.#trouble;
    const calm = weather === CALM && this.#s3.denied === 'nothing';
    this.#invariants.calmSinceMs = calm ? (this.#invariants.calmSinceMs ?? this.#timeline.nowMs) : null;
    this.#timeline.after(this.#random.int(5000, 30_000), () => this.#changeWeather());
  }

  /** Bad times end. Nothing more goes wrong but what is on its way. */
  #settle(): void {
    this.#s3.weather = CALM;
    this.#s3.denied = 'nothing';
    this.#trouble = 0;
    this.#fleet.trouble = 0;
    this.#invariants.calmSinceMs ??= this.#timeline.nowMs;
    for (const machine of this.#invariants.machines) {
      machine.temper.diesWithin = null;
      if (machine.process !== null) machine.process.dieAtCall = null;
    }
  }

  #report(): LifeWorldReport {
    const { counts, engine, machines, outcome } = this.#invariants;
    const status = outcome?.document.status;
    return {
      seed: this.#seed,
      violations: engine.violations,
      counts: {
        ...engine.counts,
        ...counts,
        saves: this.#saves.count,
        deaths: machines.reduce((sum, machine) => sum + machine.deaths, 0),
        machines: machines.length,
        succeeded: status === 'succeeded' ? 1 : 0,
        stopped: status === 'stopped' ? 1 : 0,
        failed: status === 'failed' ? 1 : 0,
        events: this.#timeline.events,
        seconds: Math.round(this.#timeline.nowMs / 1000),
      },
    };
  }
}

function specOf(random: Random): RunSpec {
  return {
    version: FORMAT_VERSION,
    run: RUN,
    name: null,
    createdAt: timestampOf(EPOCH_MS),
    launchedBy: 'laptop',
    nodes: 1,
    project: {
      name: PROJECT,
      treeHash: 'tree',
      archiveKey: ARCHIVE_KEY,
      archiveSha256: createHash('sha256').update(ARCHIVE).digest('hex'),
      archiveSizeBytes: ARCHIVE.length,
    },
    workload: { kind: 'script', script: 'train.py', args: [], env: {}, interpreter: ['python3'] },
    checkpoint: { dir: 'checkpoints', resume: 'auto', resumeArgument: null, keep: defaultRetention },
    policy: {
      graceMs: null,
      budgetUsd: null,
      maxInterruptions: random.chance(0.1) ? random.int(0, 2) : null,
      maxCrashes: random.int(1, 4),
    },
    timing: {
      ...scaledTiming(PACE),
      settleMs: 1000,
      noticePollMs: 1000,
      controlPollMs: 2000,
      heartbeatMs: 4000,
      logShipMs: 2000,
      earlyFailureMs: 12_000,
    },
  };
}
