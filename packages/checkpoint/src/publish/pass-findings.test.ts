import { expect, test } from 'vitest';
import type { Candidate } from '../contract/recogniser.ts';
import { PublishingRefused } from '../ledger/commit.ts';
import { foldPass, noFindings, type PassFindings, type PassOutcome } from './pass-findings.ts';
import type { PublishResult } from './publish-candidate.ts';

const file = { path: 'best.json', sizeBytes: 1, mtimeMs: 5, ctimeMs: 5, inode: '1', mode: 0o644 };
const candidate: Candidate = {
  recogniser: 'test',
  entry: 'step-7',
  step: 7,
  files: [{ ...file, path: 'step-7' }],
  companions: [file],
  marker: null,
};
const considered = { candidate, step: 7 };
const complete = { companions: [file], evidence: 'JSON parses' };
const noNotes = { passedOver: [], againInMs: null };
const torn = { path: 'step-7', why: "can't be made durable: torn" };
const broken = new Error('connection reset');
const report = (isComplete: boolean, why: string) => [
  { entry: 'step-7', step: 7, complete: isComplete, why, ...(isComplete ? {} : { files: ['step-7'] }) },
];
type Committed = Extract<PublishResult, { kind: 'committed' }>;
const manifest = { generation: 1, seq: 1 } as Committed['manifest'];

const table: readonly (readonly [string, PassOutcome, Partial<PassFindings>])[] = [
  ['nothing new', { kind: 'noted', ...noNotes }, {}],
  ['a file that can not be kept', { kind: 'noted', passedOver: [torn], againInMs: null }, { passedOver: [torn] }],
  [
    'what is left out beside it',
    { kind: 'noted', ...noNotes, leftOut: [{ path: 'best.json', why: 'is cut off' }] },
    { candidates: [{ entry: 'best.json', step: null, complete: false, why: 'is cut off', files: ['best.json'] }] },
  ],
  ['something that changes', { kind: 'noted', passedOver: [], againInMs: 80 }, { unsettled: true, againInMs: 80 }],
  [
    'given up while the workload runs',
    { kind: 'given-up', candidate, hasEnded: false },
    { unsettled: true, notDurable: ['step-7 (step 7): given up for a newer one that is being written'] },
  ],
  [
    'given up after its end',
    { kind: 'given-up', candidate, hasEnded: true },
    { notDurable: ['step-7 (step 7): given up for a newer one that is being written'] },
  ],
  [
    'behind',
    { kind: 'judged', judgement: { kind: 'behind', ...noNotes }, ...considered },
    { candidates: report(true, 'older than the durable checkpoint') },
  ],
  [
    'durable',
    { kind: 'judged', judgement: { kind: 'durable', ...noNotes }, ...considered },
    { candidates: report(true, 'durable') },
  ],
  [
    'moving',
    {
      kind: 'judged',
      judgement: { kind: 'moving', why: 'still changing', passedOver: [], againInMs: 50 },
      ...considered,
    },
    { candidates: report(false, 'still changing'), unsettled: true, againInMs: 50 },
  ],
  [
    'incomplete',
    {
      kind: 'judged',
      judgement: { kind: 'incomplete', why: 'torn', needsUser: false, passedOver: [torn], againInMs: null },
      ...considered,
    },
    { candidates: report(false, 'torn'), passedOver: [torn] },
  ],
  [
    'incomplete until the user acts',
    { kind: 'judged', judgement: { kind: 'incomplete', why: 'too large', needsUser: true, ...noNotes }, ...considered },
    { candidates: report(false, 'too large'), notDurable: ['step-7 (step 7): too large'] },
  ],
  [
    'committed',
    { kind: 'published', result: { kind: 'committed', manifest, companions: [file] }, complete, ...considered },
    { candidates: report(true, 'JSON parses'), published: manifest },
  ],
  [
    'committed without a companion',
    { kind: 'published', result: { kind: 'committed', manifest, companions: [] }, complete, ...considered },
    {
      candidates: report(true, 'JSON parses'),
      published: manifest,
      unsettled: true,
      notDurable: ['best.json: left out so that the checkpoint comes first'],
    },
  ],
  [
    'identical',
    { kind: 'published', result: { kind: 'identical', companions: [file] }, complete, ...considered },
    { candidates: report(true, 'JSON parses') },
  ],
  [
    'abandoned',
    { kind: 'published', result: { kind: 'abandoned', why: 'model changed' }, complete, ...considered },
    { candidates: report(false, 'model changed'), unsettled: true, notDurable: ['step-7 (step 7): model changed'] },
  ],
  [
    'failed',
    { kind: 'failed', error: broken, ...considered },
    {
      candidates: report(true, 'not durable: connection reset'),
      notDurable: ['step-7 (step 7): connection reset'],
      error: broken,
    },
  ],
  [
    'refused',
    { kind: 'failed', error: new PublishingRefused('fenced'), ...considered },
    {
      candidates: report(true, 'not durable: a newer generation has taken over'),
      notDurable: ['step-7 (step 7): a newer generation has taken over'],
      refused: 'fenced',
    },
  ],
  ['stopped', { kind: 'stopped', error: broken }, { error: broken }],
];

test.each(table)('%s', (_name, outcome, change) => {
  expect(foldPass(noFindings, outcome)).toEqual({ ...noFindings, ...change });
});

test('the outcomes of a pass add up, and the soonest look counts', () => {
  const outcomes = table.map(([, outcome]) => outcome);
  const before = structuredClone(noFindings);
  const all = outcomes.reduce(foldPass, noFindings);
  expect(noFindings).toEqual(before);
  expect(all.candidates).toHaveLength(table.filter(([, , change]) => change.candidates !== undefined).length);
  expect(all).toMatchObject({ unsettled: true, againInMs: 50, published: manifest, refused: 'fenced', error: broken });
  expect(all.passedOver).toEqual([torn, torn]);
  expect(outcomes.toReversed().reduce(foldPass, noFindings).againInMs).toBe(50);
});

test('a later candidate that is durable already leaves what was published', () => {
  const committed: PassOutcome = {
    kind: 'published',
    result: { kind: 'committed', manifest, companions: [file] },
    complete,
    ...considered,
  };
  const identical: PassOutcome = { ...committed, result: { kind: 'identical', companions: [file] } };
  expect([committed, identical].reduce(foldPass, noFindings).published).toBe(manifest);
});
