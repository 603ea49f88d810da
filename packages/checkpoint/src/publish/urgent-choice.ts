import type { Clock } from '@runctl/core';
import type { Lanes } from '@runctl/store';
import { movementOf } from '../look/movement.ts';
import type { Candidate } from '../contract/recogniser.ts';
import type { Looked } from '../look/folder-look.ts';
import { filesOf, holdsFilesOf, isOlder, type PublishedRecord } from '../look/plan.ts';
import type { PassOptions } from '../contract/publisher-port.ts';
import type { GrowingUploads } from '../upload/growing-uploads.ts';
import { isOvertaken, type TimeLeft } from './urgency.ts';
import { urgentOrder } from './urgent-order.ts';

export interface UrgentChoiceOptions {
  readonly clock: Clock;
  readonly lanes: Lanes;
  readonly growing: GrowingUploads;
}

/** What a look has found, what is durable already, and until when. */
export interface UrgentMoment {
  readonly looked: Pick<Looked, 'candidates' | 'facts'>;
  readonly published: PublishedRecord | null;
  readonly pass: PassOptions;
}

/** Chooses what to secure before a deadline, by what is left to send of each checkpoint and how fast it goes. */
export class UrgentChoice {
  readonly #options: UrgentChoiceOptions;

  constructor(options: UrgentChoiceOptions) {
    this.#options = options;
  }

  /** Candidates that movement lets through, in the order in which they are to be secured, and those that are not to be. */
  order(moment: UrgentMoment): ReturnType<typeof urgentOrder> {
    const { growing } = this.#options;
    const { looked, published, pass } = moment;
    return urgentOrder({
      candidates: contenders(moment),
      bytesLeft: (candidate) => (holdsFilesOf(published, candidate) ? 0 : this.#bytesLeft(candidate)),
      growingBytesLeft: (others) => (looked.facts.ended === null ? growing.bytesToCome(others) : null),
      ...this.#timeLeft(pass),
    });
  }

  /** Whether what is being sent goes first now. */
  isFirst(sending: string | null, moment: UrgentMoment): boolean {
    const [first] = this.order(moment).order;
    return first !== undefined && sending === filesOf(first);
  }

  /** Whether what is being sent can't be secured any more, and something else can. */
  isOvertaken(sending: string | null, moment: UrgentMoment): boolean {
    const open = contenders(moment).filter((candidate) => !holdsFilesOf(moment.published, candidate));
    const sent = open.find((candidate) => sending === filesOf(candidate));
    if (sent === undefined) return false;
    const left = (candidate: Candidate) => ({ bytesLeft: this.#bytesLeft(candidate) });
    const others = open.filter((candidate) => candidate !== sent);
    return isOvertaken(left(sent), others.map(left), this.#timeLeft(moment.pass));
  }

  #bytesLeft(candidate: Candidate): number {
    return this.#options.growing.bytesLeft(candidate);
  }

  #timeLeft({ deadlineMs = Number.POSITIVE_INFINITY }: PassOptions): TimeLeft {
    const { clock, lanes } = this.#options;
    return { timeLeftMs: deadlineMs - clock.monotonicMs(), bytesPerSecond: lanes.bytesPerSecond() };
  }
}

function contenders({ looked: { candidates, facts }, published }: UrgentMoment): readonly Candidate[] {
  return candidates.filter((candidate) => !isOlder(candidate, published) && movementOf(candidate, facts) === null);
}
