import { describe, expect, test } from 'vitest';
import { drill, type DrillReport } from '../support/drilling.ts';

/** Round at which the first life waits until it is interrupted; null for a script that runs as it is. */
type Hold = number | null;

/** `not safe`: unsafe where the new beginning is seen; inconclusive where its early saves come too close together to be. */
type Verdict = DrillReport['verdict'] | 'not safe';

type Stranger = readonly [script: string, Verdict, Hold, RegExp];

/** What the drill must say of scripts as people write them; each stands for a kind. */
const STRANGERS: readonly Stranger[] = [
  ['trainer_callback.py', 'safe', 110, /^$/],
  [
    'lightning_without_save_on_exception.py',
    'unsafe',
    130,
    /(?:no new complete checkpoint|steps? w(?:as|ere) lost).*save_on_exception=True/s,
  ],
  ['keras_ignores_sigterm.py', 'unsafe', 110, /was killed.*Keras: on SIGTERM only set a flag/s],
  ['quiet.py', 'inconclusive', 90, /whether the script resumed.*print `step N`/s],
  [
    'dies_in_line_two.py',
    'inconclusive',
    null,
    /its last words: ModuleNotFoundError: No module named 'no_such_framework'/,
  ],
  [
    'begins_anew_in_silence.py',
    'not safe',
    90,
    /began again, first seen at step \d+, although a checkpoint of step \d+|whether the script resumed/,
  ],
  [
    'writes_elsewhere.py',
    'unsafe',
    null,
    /saved nothing to the checkpoint folder.*out\/model\.pt .*--checkpoint-dir out/s,
  ],
];

/** Of these the unit tests of the reader of steps and of the verdict show as much; the soak drills them for real. */
const IN_THE_SOAK: readonly Stranger[] = [
  ['step_in_name_only.py', 'safe', 90, /^$/],
  ['prints_as_rarely_as_it_saves.py', 'unsafe', 110, /nothing caught SIGTERM, and no new complete checkpoint/],
  ['epochs_only.py', 'safe', 110, /^$/],
  ['saves_each_step.py', 'safe', null, /^$/],
];

const strangers = process.env['RUNCTL_SOAK_SEED'] === undefined ? STRANGERS : [...STRANGERS, ...IN_THE_SOAK];

// One after the other: what a rehearsal can prove is told by time.
describe('a drill of a script as strangers write it', () => {
  test.each(strangers)('judges %s as %s', async (script, verdict, hold, says) => {
    const holds = hold === null ? {} : { holds: [hold] };
    const { report } = await drill(`strangers/${script}`, { flags: [], args: [], ...holds });
    if (verdict === 'not safe') expect(report.verdict, JSON.stringify(report)).not.toBe('safe');
    else expect(report, JSON.stringify(report)).toMatchObject({ verdict });
    expect([...report.reasons, ...report.advice].join('\n')).toMatch(says);
  });
});
