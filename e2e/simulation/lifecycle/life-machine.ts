import { type AgentEnd, type AgentPorts, runAgent, type WorkloadCommand } from '@runctl/agent/life';
import type { LeaseKeeper } from '@runctl/checkpoint';
import { type AgentConfig, agentPaths, type RunSpec } from '@runctl/protocol';
import { Disk } from '../disk.ts';
import type { WatchedMachine } from '../invariants.ts';
import type { ModelS3 } from '../model-s3.ts';
import type { NodeDisk } from '../node-disk.ts';
import { EPOCH_MS, MachineClock, Process } from '../process.ts';
import type { Random } from '../random.ts';
import type { FinishedSaves } from '../saves.ts';
import type { Timeline } from '../timeline.ts';
import { type Habits, Trainer } from '../trainer.ts';
import { type Fleet, FLEET_ID } from './fleet.ts';
import type { Metadata } from './imds.ts';
import type { LifeInvariants } from './life-invariants.ts';
import { crashIn, type ScriptPlan } from './script.ts';
import type { Bench } from './supervisor.ts';

/** On the machine's disk. */
export const HOME = '/home';
export const PROJECT = 'project';
const CHECKPOINTS = `${HOME}/${PROJECT}/checkpoints`;

/** What a mutant changes. */
export interface LifeParts {
  /** The ports of each agent, before it lives. */
  readonly ports: (ports: AgentPorts, at: { readonly machine: LifeMachine; readonly process: Process }) => AgentPorts;
  /** What becomes of a machine on which an agent has died. */
  readonly agentDied: (machine: LifeMachine) => void;
}

export interface LifeSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly s3: ModelS3;
  readonly disks: NodeDisk;
  readonly fleet: Fleet;
  readonly spec: RunSpec;
  /** The laptop's documents, as user data names them. */
  readonly written: () => AgentConfig['written'];
  readonly habits: Habits;
  readonly plan: ScriptPlan;
  readonly saves: FinishedSaves;
  /** Puts an agent's world together. */
  readonly portsOf: (machine: LifeMachine, process: Process) => AgentPorts;
  readonly parts: LifeParts;
  readonly invariants: LifeInvariants;
  readonly partSizeBytes: number;
  /** Share of calls to IMDS, and of power-offs, that fail. */
  readonly trouble: () => number;
  readonly trace: ((line: string) => void) | null;
}

export interface LifeTemper {
  /** Agents on this machine die at a call up to this one; null = they live. */
  diesWithin: number | null;
  readonly clockRate: number;
  readonly wallOffsetMs: number;
  readonly showsTags: boolean;
}

/** EC2's word that it takes the machine, and what it then does. Times are true. */
export interface SimulatedNotice {
  readonly atMs: number;
  readonly haltMs: number;
  /** The machine lives on. */
  readonly spared: boolean;
  readonly trainer: Trainer | null;
  /** The generation that the machine might publish in then. */
  readonly generation: number | null;
}

/** A machine of the fleet: its disk, its script, its metadata, one agent after another. */
export class LifeMachine implements WatchedMachine {
  readonly name: string;
  readonly disk: Disk;
  readonly folder = CHECKPOINTS;
  readonly paths: ReturnType<typeof agentPaths>;
  readonly clock: MachineClock;
  readonly at: LifeSurroundings;
  readonly temper: LifeTemper;
  readonly bench: Bench;
  readonly bornMs: number;
  alive = true;
  /** Its agent ended by itself: no other is started. */
  over = false;
  goesDown = false;
  process: Process | null = null;
  keeper: LeaseKeeper | null = null;
  trainer: Trainer | null = null;
  deaths = 0;
  /** True time until which its agent was dead or frozen last. */
  troubledUntilMs = 0;
  buttonPressed = false;
  cutOffUntilMs = 0;
  rebalance: string | null = null;
  notices: SimulatedNotice[] = [];
  shutdownListeners: (() => void)[] = [];
  #instanceAction: string | null = null;

  constructor(name: string, at: LifeSurroundings, temper: LifeTemper) {
    this.name = name;
    this.at = at;
    this.temper = temper;
    this.bornMs = at.timeline.nowMs;
    this.paths = agentPaths('', at.spec.run);
    this.clock = new MachineClock(at.timeline, { rate: temper.clockRate, wallOffsetMs: temper.wallOffsetMs });
    this.disk = new Disk(() => this.clock.wallMs());
    this.disk.makeFolder(HOME, true);
    this.bench = {
      slot: null,
      begin: (command) => this.#begin(command),
      forgotten: () => at.invariants.violated(`${this.name} forgets a script that runs`),
    };
  }

  mayPublish(): number | null {
    return this.process?.alive === true ? (this.keeper?.mayPublish()?.generation ?? null) : null;
  }

  get metadata(): Metadata {
    return {
      machineId: this.name,
      fleetId: this.temper.showsTags ? FLEET_ID : null,
      instanceAction: this.#instanceAction,
      rebalance: this.rebalance,
    };
  }

  /** An agent begins, as the boot script or systemd starts it. */
  start(): void {
    const { parts, portsOf, random, timeline } = this.at;
    const process = new Process(this, {
      timeline,
      random: random.fork(),
      name: `${this.name}#${this.deaths + 1}`,
      onDeath: () => this.#agentDied(),
    });
    if (this.temper.diesWithin !== null) process.dieAtCall = random.int(1, this.temper.diesWithin);
    this.process = process;
    this.keeper = null;
    this.shutdownListeners = [];
    const ports = parts.ports(portsOf(this, process), { machine: this, process });
    this.at.trace?.(`${process.name} begins`);
    runAgent(ports, new AbortController().signal).then(
      (end) => this.#agentEnded(process, end),
      (error: unknown) => {
        if (!process.alive) return;
        this.at.invariants.failed(process, error);
        process.die();
      },
    );
  }

  freezeAgent(ms: number): void {
    this.troubledUntilMs = Math.max(this.troubledUntilMs, this.at.timeline.nowMs + ms);
    this.process?.freeze(ms);
  }

  /** The machine's network is gone for a while, and EC2 counts it as unhealthy. */
  cutOff(ms: number): void {
    if (!this.alive) return;
    this.cutOffUntilMs = this.at.timeline.nowMs + ms;
    this.troubledUntilMs = Math.max(this.troubledUntilMs, this.cutOffUntilMs);
    this.at.trace?.(`${this.name} is cut off for ${ms} ms`);
    this.at.fleet.reconcile();
  }

  /** EC2 takes the machine back, or says so only. `withdrawn`: a notice that did not come true is shown no more. */
  notice(windowMs: number, how: { readonly spared: boolean; readonly withdrawn: boolean }): void {
    if (!this.alive || this.#instanceAction !== null) return;
    const { fleet, timeline } = this.at;
    const haltMs = timeline.nowMs + windowMs;
    const time = new Date(EPOCH_MS + haltMs).toISOString().replace(/\.\d+Z$/, 'Z');
    this.#instanceAction = JSON.stringify({ action: 'terminate', time });
    const { trainer } = this;
    const generation = this.mayPublish();
    this.notices.push({ atMs: timeline.nowMs, haltMs, spared: how.spared, trainer, generation });
    this.at.trace?.(`${this.name} is noticed, ${windowMs} ms${how.spared ? ', and will be spared' : ''}`);
    fleet.reconcile();
    timeline.at(haltMs, () => {
      if (!how.spared) return this.cutPower();
      if (how.withdrawn) this.#instanceAction = null;
    });
    // Another notice may come, with another time.
    if (how.spared) timeline.at(haltMs + 10_000, () => (this.#instanceAction = null));
  }

  pressPowerButton(withinMs: number): void {
    this.buttonPressed = true;
    this.shutDown(withinMs);
  }

  /** The machine is off after this time. */
  shutDown(withinMs: number): void {
    if (!this.alive || this.goesDown) return;
    this.goesDown = true;
    const { process } = this;
    for (const listener of this.shutdownListeners) process?.deliver(listener);
    this.at.timeline.after(withinMs, () => this.cutPower());
  }

  cutPower(): void {
    if (!this.alive) return;
    this.at.trace?.(`${this.name} is off`);
    this.at.invariants.poweredOff(this);
    this.alive = false;
    this.trainer?.kill();
    this.process?.die();
    this.at.fleet.reconcile();
  }

  /** Calls back soon after anything below the checkpoint folder changed. */
  watch(process: Process, onChange: () => void, signal: AbortSignal): void {
    const { random, timeline } = this.at;
    let told = false;
    const unwatch = this.disk.onChange((changed) => {
      if (told || !this.disk.isBelow(changed, this.folder)) return;
      told = true;
      timeline.after(random.int(1, 300), () => {
        told = false;
        if (!signal.aborted) process.deliver(onChange);
      });
    });
    signal.addEventListener('abort', unwatch, { once: true });
  }

  #agentEnded(process: Process, end: AgentEnd): void {
    if (!process.alive) return;
    this.at.trace?.(`${process.name} ends: ${end}`);
    this.over = true;
    this.at.invariants.agentEnded(this, end);
    process.die();
  }

  #agentDied(): void {
    this.keeper = null;
    if (!this.alive || this.over) return;
    this.deaths++;
    const { parts, random, timeline } = this.at;
    this.at.trace?.(`${this.name}: the agent is dead`);
    parts.agentDied(this);
    const pauseMs = random.int(100, 4000);
    this.troubledUntilMs = Math.max(this.troubledUntilMs, timeline.nowMs + pauseMs);
    timeline.after(pauseMs, () => {
      if (this.alive) this.start();
    });
  }

  #begin(command: WorkloadCommand): Trainer {
    const { habits, invariants, plan, random, saves, timeline } = this.at;
    const generation = Number(command.environment['RUNCTL_ATTEMPT']);
    const resumes = command.environment['RUNCTL_RESUME_FROM'] !== '';
    const chance = random.fork();
    this.disk.makeFolder(this.paths.script, true);
    const log = this.disk.open(this.paths.log, { create: true, exclusive: false, truncate: false });
    const say = (text: string): void => {
      invariants.said(generation, text);
      this.disk.write(log, Buffer.from(text), log.bytes.length);
    };
    let life = 0;
    const trainer: Trainer = new Trainer({
      disk: this.disk,
      folder: CHECKPOINTS,
      timeline,
      random: random.fork(),
      habits,
      saves,
      wallMs: () => this.clock.wallMs(),
      wallOffsetMs: () => this.clock.wallOffsetMs,
      duties: {
        lastStep: plan.lastStep,
        crashesWith: () => crashIn(plan, chance),
        say,
        stepped: (step) => {
          say(`${life} line ${invariants.nextLine()}${chance.chance(0.3) ? '\r' : '\n'}`);
          if (plan.tells === 'log') say(`step ${step}\n`);
          if (chance.chance(0.2)) say('not yet a line');
          if (plan.tells === 'progress-file') this.#write(this.paths.progress, JSON.stringify({ step }));
        },
        finished: () => {
          say('finished\n');
          if (plan.marksDone) this.#write(this.paths.done, 'done');
        },
      },
    });
    this.trainer = trainer;
    life = invariants.scriptBegan(this, { generation, resumes, trainer });
    this.at.trace?.(`${this.name} starts script ${life} of generation ${generation}${resumes ? ', resumed' : ''}`);
    return trainer;
  }

  #write(path: string, text: string): void {
    this.disk.write(this.disk.open(path, { create: true, exclusive: false, truncate: true }), Buffer.from(text), 0);
  }
}
