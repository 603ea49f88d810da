import { defaultRetention } from '@runctl/protocol';
import type { MovementFacts } from '../look/movement.ts';
import type { Candidate } from '../contract/recogniser.ts';
import { BackgroundPrune } from '../ledger/background-prune.ts';
import { CandidatePublisher } from './candidate-publisher.ts';
import { choose, type ChoiceFacts, goesFirst, losesToAnother, type Urgency } from './choose.ts';
import { createFolderMemory, type FolderMemory } from './folder-memory.ts';
import { inspect } from '../look/inspect.ts';
import { behindDurable, judgeComplete, judgeIncomplete, judgeSighted } from './judgement.ts';
import { Overdue } from './overdue.ts';
import { foldPass, noFindings, type PassFindings, type PassOutcome } from './pass-findings.ts';
import type { PassOptions, PassReport, Publisher, PublisherOptions } from '../contract/publisher-port.ts';
import { SingleFlight } from './single-flight.ts';
import { wasDurable } from '../ledger/was-durable.ts';

/** Creates the publisher of node 0, which holds the lease and commits. `Publisher` has the contract. */
export function createCommittingPublisher(options: PublisherOptions): Publisher {
  const folder = new CommittingFolder(options);
  const passes = new SingleFlight({
    clock: options.clock,
    run: (pass: PassOptions) => folder.pass(pass),
    isStillFirst: (pass: PassOptions) => folder.isUploadingFirst(pass),
    isOvertaken: (pass: PassOptions) => folder.isOvertaken(pass),
  });
  return {
    pass: (pass) => passes.pass(pass),
    hurry: async (deadlineMs) => {
      folder.hurry();
      await passes.hurry(deadlineMs);
    },
    calm: () => passes.calm(),
    uploadGrowing: (signal) => folder.memory.growing.uploadGrowing(signal),
    settled: () => folder.settled(),
    end: () => folder.memory.growing.end(),
    uploads: () => folder.memory.growing.progress(),
    durable: () => folder.memory.durable.checkpoint,
  };
}

/**
 * Performs the passes over one checkpoint folder, one at a time: look, choose, judge, upload, commit. Each decision is
 * a pure function over values; this class performs the effects between them and folds the outcomes into a report.
 * Candidates are judged in turn, since what one of them makes durable decides about the next.
 */
class CommittingFolder {
  readonly memory: FolderMemory;
  readonly #options: PublisherOptions;
  readonly #publisher: CandidatePublisher;
  readonly #prune: BackgroundPrune;
  readonly #overdue = new Overdue();

  constructor(options: PublisherOptions) {
    const { keep: policy = defaultRetention, log, rejected: damaged = [] } = options;
    this.#options = options;
    this.memory = createFolderMemory(options);
    this.#publisher = new CandidatePublisher(options, this.memory);
    this.#prune = new BackgroundPrune({ log, policy, damaged, saves: this.memory.look.saves });
  }

  hurry(): void {
    this.#prune.stop();
  }

  async settled(): Promise<void> {
    await this.memory.growing.settled();
    await this.#prune.settled();
  }

  /** One pass; see `Publisher.pass`. The caller never starts a second one beside it. */
  async pass(pass: PassOptions): Promise<PassReport> {
    if (pass.deadlineMs !== undefined) this.#prune.stop();
    let findings: PassFindings = noFindings;
    try {
      for await (const outcome of this.#outcomes(pass)) findings = foldPass(findings, outcome);
    } catch (error) {
      findings = foldPass(findings, { kind: 'stopped', error });
    }
    if (findings.published !== null && pass.deadlineMs === undefined) await this.#pruneAfter(pass);
    const overdue = pass.ended === undefined ? this.#overdue.note(findings, this.#options.clock.monotonicMs()) : [];
    const passedOver = [...findings.passedOver, ...overdue];
    return { ...findings, passedOver, durable: this.memory.durable.checkpoint };
  }

  /** Whether the candidate that is being published is the one that a pass with this deadline would publish first. */
  async isUploadingFirst(pass: PassOptions): Promise<boolean> {
    return goesFirst(this.#publisher.uploading, await this.#choiceFacts(pass));
  }

  /** Whether the candidate that is being published can no longer meet the deadline while another one can. */
  async isOvertaken(pass: PassOptions): Promise<boolean> {
    return losesToAnother(this.#publisher.uploading, await this.#choiceFacts(pass));
  }

  /** Looks, chooses, and considers candidates until all are older than one that was published. */
  async *#outcomes(pass: PassOptions): AsyncGenerator<PassOutcome> {
    if (!this.memory.durable.isRead) await this.#publisher.readStanding(pass);
    const choice = await this.#choiceFacts(pass);
    const { candidates, facts, passedOver } = choice.looked;
    yield { kind: 'noted', passedOver, againInMs: null };
    this.memory.durable.noteCandidates(candidates);
    const { first, afterwards, givenUp } = choose(choice);
    if (choice.urgency !== null) this.memory.growing.keepOnly(first);
    for (const candidate of givenUp) yield { kind: 'given-up', candidate, hasEnded: facts.ended !== null };
    let newestPublished = Infinity;
    for (const candidate of [...first, ...afterwards]) {
      const index = candidates.indexOf(candidate);
      if (index > newestPublished) continue;
      for await (const outcome of this.#consider(candidate, facts, pass)) {
        yield outcome;
        if (outcome.kind === 'failed') return;
        if (outcome.kind === 'published' && outcome.result.kind === 'committed') newestPublished = index;
      }
    }
  }

  async #choiceFacts(pass: PassOptions): Promise<ChoiceFacts> {
    const looked = await this.memory.look.candidates(pass.ended ?? null);
    return { looked, published: this.memory.durable.record, urgency: this.#urgencyOf(pass) };
  }

  #urgencyOf({ deadlineMs }: PassOptions): Urgency | null {
    if (deadlineMs === undefined) return null;
    const { growing, lanes } = this.memory;
    return {
      timeLeftMs: deadlineMs - this.#options.clock.monotonicMs(),
      bytesPerSecond: lanes.bytesPerSecond(),
      bytesLeft: (candidate) => growing.bytesLeft(candidate),
      bytesToCome: (others) => growing.bytesToCome(others),
    };
  }

  /** Judges a candidate and publishes it if it is complete and not durable yet. */
  async *#consider(candidate: Candidate, facts: MovementFacts, pass: PassOptions): AsyncGenerator<PassOutcome> {
    const considered = { candidate, step: this.#publisher.stepOf(candidate) };
    const sighted = judgeSighted(candidate, facts, this.memory.durable);
    if (sighted.kind !== 'unopened') {
      yield { kind: 'judged', judgement: sighted, ...considered };
      return;
    }
    const opened = await inspect(candidate, { ...this.#options, facts, sightings: this.memory.sightings });
    if ('why' in opened) {
      const judgement = judgeIncomplete(candidate, opened, { facts, durable: this.memory.durable });
      yield { kind: 'judged', judgement, ...considered };
      return;
    }
    await using complete = opened;
    const judgement = judgeComplete(complete, facts, this.memory.durable);
    if (judgement.kind === 'durable') {
      yield { kind: 'judged', judgement, ...considered };
      return;
    }
    yield { ...judgement, kind: 'noted' };
    if (judgement.hasFallen && (await this.#wasDurable(candidate, pass.signal))) {
      this.memory.durable.supersede([candidate]);
      yield { kind: 'judged', judgement: behindDurable, ...considered };
      return;
    }
    yield await this.#publisher.publish(complete, facts, pass).then(
      (result): PassOutcome => ({ kind: 'published', result, complete, ...considered }),
      (error: unknown): PassOutcome => ({ kind: 'failed', error, ...considered }),
    );
  }

  #wasDurable(candidate: Candidate, signal: AbortSignal): Promise<boolean> {
    const { store, run } = this.#options;
    return wasDurable(candidate, { store, run, signal });
  }

  /** Begins to delete old checkpoints, and waits for that after the workload's end, since no later pass would. */
  async #pruneAfter(pass: PassOptions): Promise<void> {
    const holder = this.#options.mayPublish();
    if (holder === null) return;
    this.#prune.begin(this.#publisher.access(pass, holder.generation));
    if (pass.ended !== undefined) await this.#prune.settled();
  }
}
