import type { MeasuredInterruption } from '@runctl/protocol/events';
import type { Recipe } from './recipes.ts';

/** All that the verdict of a drill goes by. */
export interface DrillFacts {
  readonly outcome: string;
  readonly outcomeMessage: string;
  /** Whether its output ends with the words of a failure, though it succeeded by its exit code. */
  readonly isDoubtful: boolean;
  /** What the script itself said last, such as its exception; null where it ended well or without a word. */
  readonly lastWords: string | null;
  readonly asked: number;
  readonly interruptions: readonly MeasuredInterruption[];
  /** How many save intervals the last life trained before the end; null where no interval was seen. */
  readonly intervalsAfter: number | null;
  /** Whether the interrupted run left a durable checkpoint. */
  readonly leftCheckpoint: boolean;
  readonly identical: boolean | null;
  /** Checkpoint files that differ from the undisturbed run's. */
  readonly differing: readonly string[];
  /** How much the rehearsal shortens the real times. */
  readonly timeScale: number;
  readonly recipe: Recipe;
  /** What was written outside the checkpoint folder, for people; null for nothing that matters. */
  readonly elsewhere: string | null;
}

/** A reason, and what to do about it. */
export interface DrillFinding {
  readonly reason: string;
  readonly advice?: string | null;
}
