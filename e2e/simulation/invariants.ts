import type { PassReport, RestoredCheckpoint } from '@runctl/checkpoint';
import {
  type CheckpointOrder,
  compareOrder,
  decodeDocument,
  type LatestPointer,
  latestPointer,
  leaseDocument,
  type LeaseDocument,
  type Manifest,
  manifest as manifestSchema,
  runKeys,
} from '@runctl/protocol';
import { isStoreError, readBytes } from '@runctl/store';
import { RUN } from './agent.ts';
import type { Disk } from './disk.ts';
import type { ModelS3, S3Observer, Write } from './model-s3.ts';
import type { Process } from './process.ts';
import { type FinishedSaves, LOG_FILE, type Save } from './saves.ts';
import { type Habits, ownFiles, type Trainer } from './trainer.ts';

const keys = runKeys(RUN);
const KEPT = 3;
const GRACE_MS = 3_600_000;

interface Committed {
  readonly key: string;
  readonly manifest: Manifest;
  readonly save: Save | null;
  readonly landedMs: number;
}

/** A machine as far as it is watched. */
export interface WatchedMachine {
  readonly name: string;
  readonly disk: Disk;
  readonly alive: boolean;
  readonly deaths: number;
  /** Of the checkpoint folder, on the machine's disk. */
  readonly folder: string;
  /** The script on this machine, running or ended. */
  readonly trainer: Pick<Trainer, 'ended' | 'lastSave'> | null;
  /** The generation that it may publish in, by its own view. */
  mayPublish(): number | null;
}

/** Hears what the machines believe of themselves. */
export interface Witness {
  restoring(process: Process): void;
  restored(process: Process, machine: WatchedMachine, restored: RestoredCheckpoint | null): void;
  passed(
    process: Process,
    machine: WatchedMachine,
    pass: { readonly report: PassReport; readonly final: boolean },
  ): void;
  failed(process: Process, error: unknown): void;
}

/**
 * What must hold of every world, whatever fails: watched at S3 itself, where nobody can be deceived, and compared with
 * what the scripts wrote and what the agents believe.
 */
export class Invariants implements S3Observer, Witness {
  readonly violations: string[] = [];
  readonly counts = { published: 0, acknowledged: 0, restored: 0, fellBack: 0, lateWrites: 0, passesFailed: 0 };
  readonly machines: WatchedMachine[] = [];
  readonly #s3: ModelS3;
  readonly #saves: FinishedSaves;
  readonly #habits: Habits;
  readonly #committed = new Map<string, Committed>();
  readonly #bytes = new Map<string, Buffer>();
  /** By machine: what its last restore found damaged. */
  readonly #foundDamaged = new Map<string, ReadonlySet<string>>();
  readonly #damaged = new Set<string>();
  #pointer: LatestPointer | null = null;
  #lease: LeaseDocument | null = null;
  #acknowledged: CheckpointOrder | null = null;
  readonly #expected = new Map<Process, CheckpointOrder | null>();

  constructor(s3: ModelS3, saves: FinishedSaves, habits: Habits) {
    this.#s3 = s3;
    this.#saves = saves;
    this.#habits = habits;
  }

  get pointer(): LatestPointer | null {
    return this.#pointer;
  }

  /** What a restore would yield now. */
  get latest(): { readonly manifest: Manifest; readonly save: Save | null } | null {
    return this.#committed.get(this.#pointer?.manifest ?? '') ?? null;
  }

  /** Whether some manifest that the pointer has named holds it. */
  isDurable(save: Save): boolean {
    return Array.from(this.#committed.values()).some((each) => each.save?.id === save.id);
  }

  /** Whether the latest checkpoint is still what some complete save wrote. */
  async isLatestWhole(): Promise<boolean> {
    const { latest } = this;
    return latest === null || (await this.#saveOf(latest.manifest)) !== null;
  }

  violated(what: string): void {
    if (this.violations.length < 10) this.violations.push(`${(this.#s3.timeline.nowMs / 1000).toFixed(1)} s: ${what}`);
  }

  sent({ key, by }: Write): void {
    this.#onePublisher();
    if (key !== keys.latest) return;
    const lease = this.#lease;
    if (lease === null || lease.owner !== by.host.name || lease.released)
      this.violated(`${by.name} publishes while ${lease?.released === true ? 'nobody' : lease?.owner} holds the lease`);
  }

  async landing({ key, operation, by }: Write): Promise<void> {
    if (operation !== 'delete') return;
    const owner = Array.from(this.#committed.values()).find((each) => this.#isProtected(each, by) && holds(each, key));
    if (owner !== undefined && (await this.#s3.contents.head(key)) !== null)
      this.violated(`${by.name} deletes ${key} of ${owner.key}, which is to be kept`);
  }

  async landed(write: Write): Promise<void> {
    const { key, operation, by } = write;
    if (operation === 'delete') return;
    if (!by.alive) this.counts.lateWrites++;
    this.#onePublisher();
    if (key === keys.lease) this.#leaseLanded(decodeDocument(leaseDocument, await this.#read(key), key));
    else if (key === keys.latest) await this.#pointerLanded(by);
    else await this.#isImmutable(write);
  }

  restoring(process: Process): void {
    this.#expected.set(process, this.#acknowledged);
  }

  restored(process: Process, machine: WatchedMachine, restored: RestoredCheckpoint | null): void {
    const expected = this.#expected.get(process) ?? null;
    if (restored === null) {
      if (expected !== null) this.violated(`${process.name} finds nothing to restore after ${nameOf(expected)}`);
      return;
    }
    this.counts.restored++;
    this.#foundDamaged.set(machine.name, new Set(restored.rejected));
    if (restored.rejected.length > 0) this.counts.fellBack++;
    if (expected !== null && compareOrder(restored.manifest, expected) < 0 && !this.#isExcused(restored, expected))
      this.violated(`${process.name} restores ${restored.manifestKey} after ${nameOf(expected)} was acknowledged`);
    const files = ownFiles({ disk: machine.disk, folder: machine.folder, habits: this.#habits });
    if (this.#saves.withFiles(files) === null)
      this.violated(`${process.name} restores ${restored.manifestKey}, which no complete save wrote`);
    const log = machine.disk.find(`${machine.folder}/${LOG_FILE}`);
    const named = restored.manifest.files.some((file) => file.path === LOG_FILE);
    if (named && log?.kind === 'file' && !this.#saves.logs.has(log.bytes.toString()))
      this.violated(`${process.name} restores a log that no script wrote`);
  }

  passed(
    process: Process,
    machine: WatchedMachine,
    { report, final }: { readonly report: PassReport; readonly final: boolean },
  ): void {
    if (report.error !== null) this.counts.passesFailed++;
    if (report.error !== null && !isExpected(report.error)) this.failed(process, report.error);
    if (report.published !== null) {
      this.counts.acknowledged++;
      const { generation, seq } = report.published;
      if (this.#acknowledged === null || compareOrder(report.published, this.#acknowledged) > 0)
        this.#acknowledged = { generation, seq };
      if (!this.#committed.has(keys.manifest(report.published)))
        this.violated(`${process.name} reports ${nameOf(report.published)} as published, and it is not`);
    }
    if (final) this.#nothingLeftBehind(process, machine, report);
  }

  failed(process: Process, error: unknown): void {
    this.violated(`${process.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  /** Bytes of this key are not any more what was written: whatever names it can't be restored. */
  damaged(key: string): void {
    for (const each of this.#committed.values()) if (holds(each, key)) this.#damaged.add(each.key);
  }

  /** Whether the run would survive the loss of its latest checkpoint. */
  hasFallback(): boolean {
    const chain = this.#chain();
    return chain.length > 1 && this.#damaged.size === 0;
  }

  latestFiles(): readonly string[] {
    const latest = this.#committed.get(this.#pointer?.manifest ?? '');
    return latest?.manifest.files.map((file) => file.key) ?? [];
  }

  #leaseLanded(lease: LeaseDocument): void {
    const before = this.#lease;
    this.#lease = lease;
    if (before !== null && lease.generation < before.generation) this.violated('the generation of the lease fell');
  }

  async #pointerLanded(by: Process): Promise<void> {
    const pointer = decodeDocument(latestPointer, await this.#read(keys.latest), keys.latest);
    const before = this.#pointer;
    if (before?.nonce === pointer.nonce) return;
    this.#pointer = pointer;
    this.counts.published++;
    if (before !== null && compareOrder(pointer, before) <= 0)
      this.violated(`${by.name} moves latest.json from ${nameOf(before)} back to ${nameOf(pointer)}`);
    const bytes = await this.#readOrNull(pointer.manifest);
    if (bytes === null) return this.violated(`latest.json names ${pointer.manifest}, which is not there`);
    const manifest = decodeDocument(manifestSchema, bytes, pointer.manifest);
    const save = await this.#saveOf(manifest);
    if (save === null) this.violated(`${pointer.manifest} of ${by.name} holds what no complete save wrote`);
    if (before !== null && manifest.previous !== before.manifest)
      this.violated(
        `${pointer.manifest} follows ${manifest.previous} and not ${before.manifest}, which is lost by that`,
      );
    const saveBefore = before === null ? null : (this.#committed.get(before.manifest)?.save ?? null);
    const isBack = save !== null && saveBefore !== null && save.id < saveBefore.id;
    if (isBack && !this.#damaged.has(before?.manifest ?? ''))
      this.violated(`${by.name} brings save ${save.id} back after save ${saveBefore.id} was durable`);
    const landedMs = this.#s3.timeline.nowMs;
    this.#committed.set(pointer.manifest, { key: pointer.manifest, manifest, save, landedMs });
    this.#bytes.set(pointer.manifest, Buffer.from(bytes));
  }

  /** The complete save that a manifest holds, null when there is none. */
  async #saveOf(manifest: Manifest): Promise<Save | null> {
    const own = new Map<string, Buffer>();
    for (const { path, key } of manifest.files) {
      const bytes = await this.#readOrNull(key);
      if (bytes === null) return null;
      if (path !== LOG_FILE) own.set(path, Buffer.from(bytes));
      if (!this.#bytes.has(key)) this.#bytes.set(key, Buffer.from(bytes));
    }
    return this.#saves.withFiles(own);
  }

  async #isImmutable({ key, by }: Write): Promise<void> {
    const before = this.#bytes.get(key);
    if (before === undefined) return;
    const now = await this.#readOrNull(key);
    if (now !== null && !before.equals(now)) this.violated(`${by.name} overwrites ${key}, which is committed`);
  }

  #isExcused(restored: RestoredCheckpoint, expected: CheckpointOrder): boolean {
    return Array.from(this.#committed.values()).every(
      ({ key, manifest }) =>
        compareOrder(manifest, restored.manifest) <= 0 ||
        compareOrder(manifest, expected) > 0 ||
        this.#damaged.has(key),
    );
  }

  /** A last pass that found nothing to complain of has made the script's last save durable. */
  #nothingLeftBehind(process: Process, { trainer }: WatchedMachine, report: PassReport): void {
    const said = report.notDurable.length > 0 || report.passedOver.some(({ cutOff }) => cutOff === true);
    const quiet = report.error === null && report.refused === null && !said;
    if (!quiet || report.unsettled || trainer?.ended?.clean !== true || trainer.lastSave === null) return;
    const durable = this.#committed.get(report.durable?.manifest ?? '');
    if (durable?.save?.id !== trainer.lastSave.id)
      this.violated(
        `${process.name} leaves with save ${trainer.lastSave.id} of step ${trainer.lastSave.step} not durable, and without a word`,
      );
  }

  #onePublisher(): void {
    const publishers = this.machines.filter((machine) => machine.mayPublish() !== null);
    if (publishers.length > 1)
      this.violated(`${publishers.map((machine) => machine.name).join(' and ')} may both publish`);
  }

  /** Manifests from the latest back. */
  #chain(): readonly Committed[] {
    const chain: Committed[] = [];
    for (let key = this.#pointer?.manifest ?? null; key !== null;) {
      const each: Committed | undefined = this.#committed.get(key);
      if (each === undefined) break;
      chain.push(each);
      key = each.manifest.previous;
    }
    return chain;
  }

  #isProtected(committed: Committed, by: Process): boolean {
    // A rule that counted on ones that this machine has found damaged would keep too few. Of others nobody knows.
    const found = this.#foundDamaged.get(by.host.name);
    const chain = this.#chain().filter(({ key }) => found?.has(key) !== true);
    const at = chain.indexOf(committed);
    if (at < 0) return false;
    // Of the checkpoints of one save only the newest has one of the places.
    const place = chain.filter((each, index) => !isSameSave(each, chain[index - 1])).indexOf(committed);
    if (place >= 0 && place <= KEPT) return true;
    const successor = chain[at - 1];
    return successor !== undefined && this.#s3.timeline.nowMs - successor.landedMs < GRACE_MS - 2000;
  }

  async #read(key: string): Promise<Uint8Array> {
    return readBytes(this.#s3.contents, key);
  }

  async #readOrNull(key: string): Promise<Uint8Array | null> {
    try {
      return await this.#read(key);
    } catch (error) {
      if (isStoreError(error, 'missing')) return null;
      throw error;
    }
  }
}

function holds({ key, manifest }: Committed, object: string): boolean {
  return key === object || manifest.files.some((file) => file.key === object);
}

function isSameSave({ manifest }: Committed, newer: Committed | undefined): boolean {
  return newer?.manifest.savedAt === manifest.savedAt && newer.manifest.step === manifest.step;
}

function isExpected(error: unknown): boolean {
  if (isStoreError(error)) return error.kind !== 'permanent';
  return (
    error instanceof Error &&
    /newer checkpoint|goes first|deadline|ends|abort|notice|time for saving is over|changed by somebody/.test(
      error.message,
    )
  );
}

function nameOf({ generation, seq }: CheckpointOrder): string {
  return `${generation}-${seq}`;
}
