import type { StopCause } from '@runctl/protocol';
import type { AttemptState, Ending, StopRequest } from './model.ts';

type Flushing = Extract<AttemptState, { phase: 'flushing' }>;

/** The first cause stays. Only who is fenced does not speak for the run any more, whatever came before. */
export const causeAfter = (cause: StopCause, request: StopRequest): StopCause =>
  request.cause === 'fenced' ? 'fenced' : cause;

/** What is not published by now never will be, and how the workload ended is for the next generation to find out. */
export const fencedMeanwhile = (state: Flushing): Flushing => ({
  ...state,
  ending: { ...state.ending, cause: 'fenced' },
});

/** An ending of which nothing but its cause is known yet. */
export const endingOf = (cause: StopCause): Ending => ({
  cause,
  exit: null,
  killed: false,
  started: true,
  message: null,
});
