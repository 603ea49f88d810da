import { type CheckpointOrder, parseDataKey, parseManifestKey, runKeys } from '@runctl/protocol';
import { RUN, type Parts } from './agent.ts';
import { interposed } from './interpose.ts';
import { Invariants } from './invariants.ts';
import { Machine, type MachineSurroundings, type Temper } from './machine.ts';
import { listed, ModelS3 } from './model-s3.ts';
import { realParts } from './parts.ts';
import type { Random } from './random.ts';
import { randomOf } from './random.ts';
import { FinishedSaves, layoutOf } from './saves.ts';
import { Timeline } from './timeline.ts';
import { habitsOf } from './trainer.ts';
import { CALM, weatherOf } from './weather.ts';

const keys = runKeys(RUN);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A world that is not over by then hangs. */
const LIMIT_MS = 6 * HOUR_MS;
const NOTICE_MS = 24_000;
/** In which a new machine in calm weather must take the lease, train and save. */
const RECOVERY_MS = 10 * MINUTE_MS;
/** In which the janitor must be done, and pruning too. */
const TIDYING_MS = 2 * MINUTE_MS;

export interface WorldReport {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: Invariants['counts'] & {
    readonly saves: number;
    readonly deaths: number;
    readonly machines: number;
    readonly events: number;
  };
}

/** One world, from its beginning to its end: everything in it follows from the seed. */
export async function runWorld(seed: number, parts: Parts = realParts): Promise<WorldReport> {
  const random = randomOf(seed);
  const timeline = new Timeline(random.fork());
  const done = interposed.use({ random: random.fork(), timeline });
  try {
    return await new World(seed, { random, timeline, parts }).run();
  } finally {
    done();
  }
}

interface Given {
  readonly random: Random;
  readonly timeline: Timeline;
  readonly parts: Parts;
}

class World {
  readonly #seed: number;
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #s3: ModelS3;
  readonly #saves = new FinishedSaves();
  readonly #invariants: Invariants;
  readonly #at: MachineSurroundings;
  readonly #machines: Machine[] = [];
  #over = false;
  #mayRot = false;

  constructor(seed: number, { random, timeline, parts }: Given) {
    this.#seed = seed;
    this.#random = random;
    this.#timeline = timeline;
    this.#s3 = new ModelS3(timeline, random.fork());
    const habits = habitsOf(random, layoutOf(random));
    this.#invariants = new Invariants(this.#s3, this.#saves, habits);
    this.#s3.observer = this.#invariants;
    this.#at = {
      timeline,
      random: random.fork(),
      s3: this.#s3,
      disks: interposed.disks,
      habits,
      saves: this.#saves,
      parts,
      witness: this.#invariants,
      partSizeBytes: random.pick([48, 64, 1024]),
    };
  }

  async run(): Promise<WorldReport> {
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
    const { counts, machines, violations } = this.#invariants;
    const deaths = machines.reduce((sum, machine) => sum + machine.deaths, 0);
    const { events } = this.#timeline;
    return {
      seed: this.#seed,
      violations,
      counts: { ...counts, saves: this.#saves.count, deaths, machines: machines.length, events },
    };
  }

  async #story(): Promise<void> {
    const random = this.#random;
    const chaosMs = random.int(15_000, 60_000);
    this.#changeWeather(chaosMs);
    this.#mayRot = random.chance(0.25);
    if (random.chance(0.5)) this.#timeline.at(random.int(5000, chaosMs), () => this.#letBytesRot());
    const count = random.int(1, 3);
    for (let index = 0; index < count; index++) {
      const bootMs = index === 0 ? 0 : random.int(2000, chaosMs);
      this.#timeline.at(bootMs, () => this.#live(`i-${index}`, chaosMs));
    }
    await this.#timeline.sleep(chaosMs);
    await this.#settle();
    if (random.chance(0.3)) await this.#timeline.sleep(2 * HOUR_MS);
    await this.#inspect();
    this.#over = true;
  }

  /** One machine's story in bad times. */
  #live(name: string, untilMs: number): void {
    const random = this.#random;
    const machine = this.#boot(name, {
      diesWithin: random.chance(0.6) ? random.pick([80, 500, 2500]) : null,
      clockRate: 1 + (random.next() - 0.5) / 100,
      wallOffsetMs: random.chance(0.5) ? 0 : random.int(-3 * HOUR_MS, 3 * HOUR_MS),
    });
    const endMs = random.int(this.#timeline.nowMs, untilMs + MINUTE_MS / 4);
    const end = random.pick(['notice', 'notice', 'power-cut', 'none']);
    if (end === 'notice') this.#timeline.at(endMs, () => machine.notice(random.pick([NOTICE_MS, NOTICE_MS, 10_000])));
    if (end === 'power-cut') this.#timeline.at(endMs, () => machine.cutPower());
    if (random.chance(0.35))
      this.#timeline.at(random.int(this.#timeline.nowMs, endMs), () =>
        machine.process?.freeze(random.pick([2000, 10_000, 20_000])),
      );
    const odd = random.pick(['script-crashes', 'clock-steps', null, null, null] as const);
    const oddMs = random.int(this.#timeline.nowMs, endMs);
    if (odd === 'script-crashes') this.#timeline.at(oddMs, () => machine.trainer?.kill());
    if (odd === 'clock-steps')
      this.#timeline.at(oddMs, () => (machine.clock.wallOffsetMs += random.int(-HOUR_MS, HOUR_MS)));
  }

  #boot(name: string, temper: Temper): Machine {
    this.#letBytesRot();
    const machine = new Machine(name, this.#at, temper);
    this.#invariants.machines.push(machine);
    this.#machines.push(machine);
    machine.start();
    return machine;
  }

  #changeWeather(untilMs: number): void {
    if (this.#timeline.nowMs >= untilMs) return;
    this.#s3.weather = weatherOf(this.#random);
    this.#timeline.after(this.#random.int(3000, 20_000), () => this.#changeWeather(untilMs));
  }

  /** A byte of the latest checkpoint flips, also while machines live that count on it. */
  #letBytesRot(): void {
    if (!this.#mayRot || !this.#invariants.hasFallback()) return;
    this.#mayRot = false;
    const key = this.#random.pick(this.#invariants.latestFiles());
    this.#invariants.damaged(key);
    void this.#flipByte(key);
  }

  async #flipByte(key: string): Promise<void> {
    // Where a guarantee is broken on purpose, what a checkpoint names may be missing.
    if ((await this.#s3.contents.head(key)) === null) return;
    const { body } = await this.#s3.contents.get(key);
    const bytes = Buffer.concat(await listed(body));
    const at = this.#random.int(0, bytes.length - 1);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await this.#s3.contents.put(key, bytes);
  }

  /** Bad times end: whoever lives is switched off, and what is under way lands. */
  async #settle(): Promise<void> {
    for (const machine of this.#machines) machine.cutPower();
    this.#s3.weather = CALM;
    while (this.#s3.underWay > 0) await this.#timeline.sleep(1000);
  }

  /** A last machine takes over in calm weather: it must find everything in order, and go on. */
  async #inspect(): Promise<void> {
    const machine = this.#boot('i-last', { diesWithin: null, clockRate: 1, wallOffsetMs: 0 });
    const { counts } = this.#invariants;
    const before = counts.acknowledged;
    const limitMs = this.#timeline.nowMs + RECOVERY_MS;
    while (counts.acknowledged === before && this.#timeline.nowMs < limitMs) await this.#timeline.sleep(1000);
    if (counts.acknowledged === before) return this.#invariants.violated('no machine can go on with the run');
    const tidyMs = this.#timeline.nowMs + TIDYING_MS;
    let left = await this.#leftBehind();
    while (left !== null && this.#timeline.nowMs < tidyMs) {
      await this.#timeline.sleep(2000);
      left = await this.#leftBehind();
    }
    if (left !== null) this.#invariants.violated(`${left} was left behind`);
    machine.cutPower();
  }

  /** An upload, or bytes without a manifest, of a generation before the one that holds the lease. */
  async #leftBehind(): Promise<string | null> {
    const { generation } = this.#invariants.pointer ?? { generation: 0 };
    const isOlder = (order: CheckpointOrder | null): boolean => order !== null && order.generation < generation;
    const uploads = await listed(this.#s3.contents.listMultipart({ prefix: '' }));
    const upload = uploads.find(({ key }) => isOlder(parseDataKey(key)));
    if (upload !== undefined) return `an upload of ${upload.key}`;
    const folders = await listed(this.#s3.contents.listFolders({ prefix: keys.dataRoot }));
    const manifests = await listed(this.#s3.contents.list({ prefix: keys.manifestsFolder }));
    const known = new Set(manifests.map(({ key }) => orderName(parseManifestKey(key))));
    const orphan = folders.map(parseDataKey).find((data) => isOlder(data) && !known.has(orderName(data)));
    return orphan === undefined ? null : `what lies in ${orphan?.folder}`;
  }
}

function orderName(order: CheckpointOrder | null): string {
  return order === null ? '' : `${order.generation}-${order.seq}`;
}
