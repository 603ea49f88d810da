import { assertNever, messageOf } from '@runctl/core';
import { PublishingRefused } from '../ledger/commit.ts';
import type { Candidate } from '../contract/recogniser.ts';
import type { PassReport } from '../contract/publisher-port.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import type { Judgement, JudgementNotes } from './judgement.ts';
import type { PublishResult } from './publish-candidate.ts';

/** A pass's report as far as the pass has come. */
export type PassFindings = Omit<PassReport, 'durable'>;

/** One step of a pass, as `foldPass` adds it to the findings. */
export type PassOutcome =
  | ({ readonly kind: 'noted' } & JudgementNotes)
  /** Left for a newer one that is still being written. */
  | { readonly kind: 'given-up'; readonly candidate: Candidate; readonly hasEnded: boolean }
  | ({ readonly kind: 'judged'; readonly judgement: Exclude<Judgement, { kind: 'complete' }> } & Considered)
  /** Of a complete candidate whose notes were folded before: `complete` is what was to be published. */
  | ({ readonly kind: 'published'; readonly result: PublishResult; readonly complete: Complete } & Considered)
  | ({ readonly kind: 'failed'; readonly error: unknown } & Considered)
  /** The pass could not go on, for a reason that lies in no candidate. */
  | { readonly kind: 'stopped'; readonly error: unknown };

interface Considered {
  readonly candidate: Candidate;
  /** The step that the report shows. */
  readonly step: number | null;
}

type Complete = Pick<CompleteCandidate, 'companions' | 'evidence'>;

export const noFindings: PassFindings = {
  published: null,
  candidates: [],
  notDurable: [],
  passedOver: [],
  refused: null,
  unsettled: false,
  error: null,
};

/** The findings with one more outcome of the pass. Pure. */
export function foldPass(findings: PassFindings, outcome: PassOutcome): PassFindings {
  switch (outcome.kind) {
    case 'noted':
      return withNotes(findings, outcome);
    case 'given-up': {
      const line = `${nameOf(outcome.candidate)}: given up for a newer one that is being written`;
      return { ...withNotDurable(findings, [line]), unsettled: findings.unsettled || !outcome.hasEnded };
    }
    case 'judged':
      return foldJudged(withNotes(findings, outcome.judgement), outcome);
    case 'published':
      return foldPublished(findings, outcome);
    case 'failed': {
      const why = messageOf(outcome.error);
      const failed = withNotDurable(findings, [`${nameOf(outcome.candidate)}: ${why}`]);
      const reported = withCandidate(failed, outcome, { complete: true, why: `not durable: ${why}` });
      return withError(reported, outcome.error);
    }
    case 'stopped':
      return withError(findings, outcome.error);
    default:
      return assertNever(outcome);
  }
}

function foldJudged(
  findings: PassFindings,
  { judgement, ...considered }: Extract<PassOutcome, { kind: 'judged' }>,
): PassFindings {
  const { kind } = judgement;
  if (kind === 'behind')
    return withCandidate(findings, considered, { complete: true, why: 'older than the durable checkpoint' });
  if (kind === 'durable') return withCandidate(findings, considered, { complete: true, why: 'durable' });
  const { why } = judgement;
  const needsUser = kind === 'incomplete' && judgement.needsUser;
  const lines = needsUser ? [`${nameOf(considered.candidate)}: ${why}`] : [];
  return withCandidate(withNotDurable(findings, lines), considered, { complete: false, why });
}

function foldPublished(
  findings: PassFindings,
  { result, complete: { companions, evidence }, ...considered }: Extract<PassOutcome, { kind: 'published' }>,
): PassFindings {
  if (result.kind === 'abandoned') {
    const { why } = result;
    const abandoned = withNotDurable(findings, [`${nameOf(considered.candidate)}: ${why}`]);
    return { ...withCandidate(abandoned, considered, { complete: false, why }), unsettled: true };
  }
  const along = new Set(result.companions.map((file) => file.path));
  const omitted = companions.filter((file) => !along.has(file.path));
  const lines = omitted.map((file) => `${file.path}: left out so that the checkpoint comes first`);
  const reported = withCandidate(withNotDurable(findings, lines), considered, { complete: true, why: evidence });
  return {
    ...reported,
    published: result.kind === 'committed' ? result.manifest : findings.published,
    unsettled: findings.unsettled || result.companions.length < companions.length,
  };
}

function withNotes(findings: PassFindings, { passedOver, againInMs, leftOut = [] }: JudgementNotes): PassFindings {
  const known = new Set(findings.candidates.map(({ entry }) => entry));
  const left = leftOut
    .filter(({ path }) => !known.has(path))
    .map(({ path, why }) => ({ entry: path, step: null, complete: false, why, files: [path] }));
  const noted = {
    ...findings,
    passedOver: [...findings.passedOver, ...passedOver],
    candidates: [...findings.candidates, ...left],
  };
  if (againInMs === null) return noted;
  return { ...noted, unsettled: true, againInMs: Math.min(findings.againInMs ?? Infinity, againInMs) };
}

function withCandidate(
  findings: PassFindings,
  { candidate, step }: Considered,
  verdict: { readonly complete: boolean; readonly why: string },
): PassFindings {
  const { entry } = candidate;
  const files = verdict.complete ? {} : { files: candidate.files.map(({ path }) => path) };
  return { ...findings, candidates: [...findings.candidates, { entry, step, ...verdict, ...files }] };
}

function withNotDurable(findings: PassFindings, lines: readonly string[]): PassFindings {
  return { ...findings, notDurable: [...findings.notDurable, ...lines] };
}

function withError(findings: PassFindings, error: unknown): PassFindings {
  return error instanceof PublishingRefused ? { ...findings, refused: error.reason } : { ...findings, error };
}

/** The candidate's name for people. */
function nameOf({ entry, step }: Candidate): string {
  return step === null ? entry : `${entry} (step ${step})`;
}
