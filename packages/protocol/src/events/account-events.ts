import * as z from 'zod';

/** What was found out about one thing that a launch needs. */
const finding = z.object({
  type: z.literal('finding'),
  /** What was looked at, in a few words. */
  subject: z.string(),
  state: z.enum(['ok', 'problem', 'unknown']),
  text: z.string(),
  /** For people: what to do about it. */
  fix: z.string().nullable(),
  /** Of a problem: the code of the error that it is, or leads to. */
  errorCode: z.string().nullable(),
});

/** The last line of an examination: how many findings of each kind, and the exit code. */
const examined = z.object({
  type: z.literal('examined'),
  ok: z.number(),
  problems: z.number(),
  unknown: z.number(),
  exitCode: z.number(),
});

/** What an account has and what is to be made, or to be removed, before anything is. */
const accountPlan = z.object({
  type: z.literal('account-plan'),
  /** Its own number. */
  account: z.string(),
  /** Where, in the provider's own words: a region. */
  place: z.string(),
  items: z.array(
    z.object({
      kind: z.string(),
      name: z.string(),
      state: z.enum(['there', 'missing', 'differs', 'left-out']),
      /** Made by runctl, by its tag. */
      ours: z.boolean(),
      note: z.string().nullable(),
    }),
  ),
});

/** What was done about one of them. */
const accountChange = z.object({
  type: z.literal('account-change'),
  kind: z.string(),
  name: z.string(),
  change: z.enum(['made', 'changed', 'removed', 'kept', 'waited']),
  note: z.string().nullable(),
});

/** What an administrator needs to make an account ready. */
const accountText = z.object({
  type: z.literal('account-text'),
  form: z.enum(['iam', 'cloudformation']),
  text: z.string(),
});

/** Settings were put into a file; `changes` are their keys. */
const configured = z.object({ type: z.literal('configured'), path: z.string(), changes: z.array(z.string()) });

export const accountEvents = [finding, examined, accountPlan, accountChange, accountText, configured] as const;
