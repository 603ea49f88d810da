import { describe, expect, test } from 'vitest';
import { drill, type DrillReport } from '../support/drilling.ts';

type Verdict = DrillReport['verdict'];

/** What the drill must say of scripts as people write them; each stands for a kind. */
const STRANGERS: readonly (readonly [string, Verdict, RegExp])[] = [
  ['trainer_callback.py', 'safe', /^$/],
  ['lightning_without_save_on_exception.py', 'unsafe', /no new complete checkpoint.*save_on_exception=True/s],
  ['keras_ignores_sigterm.py', 'unsafe', /was killed.*Keras: on SIGTERM only set a flag/s],
  ['quiet.py', 'inconclusive', /whether the script resumed.*print `step N`/s],
  ['step_in_name_only.py', 'safe', /^$/],
  ['prints_as_rarely_as_it_saves.py', 'unsafe', /no new complete checkpoint/],
  ['dies_in_line_two.py', 'inconclusive', /its last words: ModuleNotFoundError: No module named 'no_such_framework'/],
  ['begins_anew_in_silence.py', 'unsafe', /began again, first seen at step \d+, although a checkpoint of step \d+/],
  ['epochs_only.py', 'safe', /^$/],
  ['saves_each_step.py', 'safe', /^$/],
  ['writes_elsewhere.py', 'unsafe', /saved nothing to the checkpoint folder.*out\/model\.pt .*--checkpoint-dir out/s],
];

describe.concurrent('a drill of a script as strangers write it', () => {
  test.each(STRANGERS)('judges %s as %s', async (script, verdict, says) => {
    const { report } = await drill(`strangers/${script}`, { flags: [], args: [] });
    expect(report, JSON.stringify(report)).toMatchObject({ verdict });
    expect([...report.reasons, ...report.advice].join('\n')).toMatch(says);
  });
});
