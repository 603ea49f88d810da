import type { PassReport } from '@runctl/checkpoint';
import { type Log, messageOf } from '@runctl/core';
import { PassedOverAccount } from './passed-over-account.ts';
import { isRefusal } from './refusals.ts';

/** Reports what passes find and people should know while the training goes on: each thing once, in log and status. */
export class PassAccounts {
  readonly #warn: (line: string) => void;
  readonly #log: Log;
  readonly #passedOver = new PassedOverAccount();
  /** The refusal that stands; null when the bucket takes what it is given. */
  #refusal: string | null = null;

  constructor({ warn, log }: { readonly warn: (line: string) => void; readonly log: Log }) {
    this.#warn = warn;
    this.#log = log;
  }

  tell({ error, passedOver, published }: PassReport): void {
    for (const line of this.#passedOver.news(passedOver)) {
      this.#log.warn({}, line);
      this.#warn(line);
    }
    if (published !== null) this.#refusal = null;
    if (!isRefusal(error)) return;
    const refusal = `${error.kind} ${error.code}`;
    if (refusal !== this.#refusal)
      this.#warn(`the bucket refuses checkpoints, and is asked again: ${messageOf(error)}`);
    this.#refusal = refusal;
  }
}
