import type { PassedOver } from '@runctl/checkpoint';

/** Of what is new in one pass, so many are named; the rest is counted. */
const NAMED = 3;
/** Beyond this many kinds of things nobody reads on. */
const MOST_TOLD = 1000;

/**
 * What a script finds in its status about things in its checkpoint folder that are not kept: each once, though every pass
 * meets them again. What differs in numbers alone (the same link in each step's folder) is one thing.
 */
export class PassedOverAccount {
  readonly #told = new Set<string>();

  /** Lines for people about what was not told before. */
  news(passedOver: readonly PassedOver[]): readonly string[] {
    const fresh = passedOver.filter((each) => this.#isNew(each));
    const rest = fresh.length - NAMED;
    return [
      ...fresh.slice(0, NAMED).map(({ path, why }) => `not kept: ${path} ${why}`),
      ...(rest > 0
        ? [`not kept: ${rest} more in the checkpoint folder; \`runctl checkpoint list FOLDER\` there names them`]
        : []),
    ];
  }

  #isNew({ path, why }: PassedOver): boolean {
    const kind = `${path} ${why}`.replace(/\d+/g, '#');
    if (this.#told.has(kind) || this.#told.size >= MOST_TOLD) return false;
    this.#told.add(kind);
    return true;
  }
}
