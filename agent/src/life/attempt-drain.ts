import { messageOf } from '@runctl/core';
import { drainNoteOf, replaceFile } from '../journal/journal.ts';
import type { AttemptState, Drain } from '../lifecycle/model.ts';
import { adoptedDrain, DrainNotes } from '../reporting/drain-notes.ts';
import type { LifeContext } from './attempt-context.ts';

type Parts = Pick<LifeContext, 'journal' | 'life' | 'ports' | 'stops' | 'supervisor'>;

/** The drain of one workload: its notes, its signals, and what is told of it. */
export class AttemptDrain {
  readonly #parts: Parts;
  #notes: DrainNotes | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Null as long as the workload was not told to stop. */
  get notes(): DrainNotes | null {
    return this.#notes;
  }

  forget(): void {
    this.#notes = null;
  }

  /** The drain that an earlier agent began; `stopNote` is what it handed to the supervisor. The signal is sent again if need be. */
  async adopt(stopNote: string | null): Promise<Drain | null> {
    const { journal, ports, supervisor } = this.#parts;
    // The journal knows more, but an agent that died at once had no time to write it.
    const kept = journal.state.attempt?.drain ?? (stopNote === null ? null : drainNoteOf(stopNote));
    if (kept === null) return null;
    this.#notes = new DrainNotes(kept);
    await supervisor.signal(kept.killed ? 'SIGKILL' : 'SIGTERM', JSON.stringify(kept));
    return adoptedDrain(kept, ports.clock);
  }

  /** Keeps the notes in step with a drain that begins, or whose deadlines moved. */
  follow(before: AttemptState, drain: Drain): void {
    const { journal, life, ports } = this.#parts;
    this.#notes ??= this.#begin(drain);
    this.#notes.deadlines(drain, ports.clock);
    const doing = drain.killed ? 'killing the workload' : 'letting the workload save and leave';
    life.enter('draining', `${doing} (${drain.cause})`);
    if (before.phase === 'draining')
      journal
        .updateAttempt({ drain: this.#notes.forJournal() })
        .catch((error: unknown) => ports.log.warn({ error: messageOf(error) }, 'journal'));
  }

  /** Sends the signal, and writes down that it was sent. `step` looks where the training is. */
  async signal(signal: 'SIGTERM' | 'SIGKILL', step: () => Promise<number | null>): Promise<void> {
    const { journal, life, ports, supervisor } = this.#parts;
    const notes = this.#notes;
    const noted = (problem: unknown): void => {
      life.warn(`the stop could not be written to this machine's disk: ${messageOf(problem)}`);
    };
    // A disk that is full keeps nobody from being told to stop, and one that is busy delays nobody.
    if (signal === 'SIGTERM' && notes !== null)
      await replaceFile(ports.paths.preempt, notes.forScript(), { mode: 0o644, sync: false }).catch(noted);
    if (signal === 'SIGTERM') notes?.termAt(ports.clock.wallMs());
    await supervisor.signal(signal, JSON.stringify(notes?.forJournal() ?? null));
    if (notes === null) return;
    await journal.updateAttempt({ drain: notes.forJournal() }).catch(noted);
    if (signal === 'SIGTERM') notes.stoppedAtStep(await step());
    await journal.updateAttempt({ drain: notes.forJournal() }).catch(noted);
  }

  #begin(drain: Drain): DrainNotes {
    const { life, ports, stops } = this.#parts;
    const seenMs = stops.seenMs(drain.cause) ?? ports.clock.monotonicMs();
    return DrainNotes.begin(drain, { seenMs, stepAtStop: life.lastStep, clock: ports.clock });
  }
}
