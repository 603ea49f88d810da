/** What the soak knows of one of its parts' rounds. */
export interface Round {
  readonly seed: number;
  /** What went wrong, for people; null when nothing did. */
  readonly failure: string | null;
}

export interface SoakOptions {
  readonly firstSeed: number;
  /** Rounds wanted at least; a part may do them in larger steps. */
  readonly rounds: number;
  /** No round begins after it fired; those that have begun come to their end. */
  readonly signal: AbortSignal;
  /** What has begun is given up too, and is no round. Fires together with `signal`, or after it. */
  readonly cut: AbortSignal;
  readonly onRound: (round: Round) => void;
  readonly say: (text: string) => void;
}

/** One thing that is done over and over, each time with another seed; the same seed does the same again. */
export interface SoakPart {
  readonly name: string;
  readonly about: string;
  /** Rounds when nothing else is asked for. */
  readonly usualRounds: number;
  /** Rounds of one turn where the parts take turns: as many as fit into about a minute. */
  readonly roundsOfATurn: number;
  /** Rejects only when it could not be done at all, or was cut. */
  run(options: SoakOptions): Promise<void>;
}
