import type { PassedOver } from '@runctl/checkpoint';

/** One pass names so many new things; it counts the rest. */
const NAMED = 3;
/** Beyond this many kinds of things nobody reads on. */
const MOST_REPORTED = 1000;

/**
 * What a script finds in its status about things in its checkpoint folder that are not kept: each once, though every pass
 * meets them again. What differs in numbers alone (the same link in each step's folder) is one thing.
 */
export class PassedOverAccount {
  readonly #reported = new Set<string>();

  /** Lines for people about what was not reported before. */
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
    if (this.#reported.has(kind) || this.#reported.size >= MOST_REPORTED) return false;
    this.#reported.add(kind);
    return true;
  }
}
