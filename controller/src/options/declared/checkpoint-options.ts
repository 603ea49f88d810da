import { stepPatternProblem } from '@runctl/protocol/step-pattern';
import { declared } from '../declaration/option-declaration.ts';
import { bestMetric } from '../values/best-metric.ts';
import { choice, yesOrNo } from '../values/choices.ts';
import { durationIn, numberIn } from '../values/numbers.ts';
import { checkpointFolder, outputFolder } from '../values/places.ts';
import { textThat } from '../values/texts.ts';

/** Time between SIGTERM and SIGKILL. */
const grace = durationIn({ least: '0s', most: '1d', example: '60s' });

/** Where the script saves, what it goes on from, and how long it may save. */
export const savingOptions = {
  checkpointDir: declared({
    flag: '--checkpoint-dir',
    key: 'checkpoint_dir',
    carriedAs: 'checkpoint.dir',
    schema: checkpointFolder,
    help: 'where the script saves, in the project',
    group: 'checkpoints',
    default: 'checkpoints',
  }),
  resume: declared({
    flag: '--resume',
    key: 'resume',
    carriedAs: 'checkpoint.resume',
    schema: choice('auto', 'never'),
    help: 'auto = from the last checkpoint, never = from nothing in every life',
    group: 'checkpoints',
    default: 'auto',
  }),
  resumeArgument: declared({
    flag: '--resume-argument',
    key: 'resume_argument',
    carriedAs: 'checkpoint.resumeArgument',
    schema: textThat({
      takes: 'a text with {path} in it',
      example: '--resume {path}',
      valueName: 'TEXT',
      pattern: /\{path\}/,
    }),
    help: 'how the script takes the checkpoint, such as "--resume {path}"',
    group: 'checkpoints',
    more: 'besides `RUNCTL_RESUME_FROM`',
  }),
  stepPattern: declared({
    flag: '--step-pattern',
    key: 'step_pattern',
    schema: textThat({
      takes: 'a regular expression with one group, around the step',
      example: String.raw`it (\d+)/`,
      valueName: 'REGEXP',
      refuses: stepPatternProblem,
    }),
    help: 'finds the step in a line of the log, where the reader of steps guesses wrong',
    group: 'checkpoints',
  }),
  outputDir: declared({
    flag: '--output-dir',
    key: 'output_dir',
    schema: outputFolder,
    help: 'another folder that is kept, with what the script writes besides its checkpoints',
    group: 'checkpoints',
    more: '`RUNCTL_OUTPUT_DIR` names it to the script',
  }),
  grace: declared({
    flag: '--grace',
    key: 'grace',
    carriedAs: 'policy.graceMs',
    schema: grace,
    help: 'time the script has after SIGTERM; at a notice it only shortens the window',
    group: 'checkpoints',
    defaultText: 'as long as it saves',
  }),
};

/** Which checkpoints stay in the bucket. */
export const retentionOptions = {
  keepLast: declared({
    flag: '--keep-last',
    key: 'keep_last',
    carriedAs: 'keep.last',
    schema: numberIn({ least: 1, example: 3 }),
    help: 'checkpoints kept in the bucket besides the newest',
    group: 'checkpoints',
    default: 3,
    more: 'at least 1, to fall back to',
  }),
  keepEvery: declared({
    flag: '--keep-every',
    key: 'keep_every',
    carriedAs: 'keep.everySteps',
    schema: numberIn({ kind: 'a whole number of steps', least: 1, example: 1000 }),
    help: 'also keep the first checkpoint at or after each multiple of so many steps',
    group: 'checkpoints',
  }),
  keepBest: declared({
    flag: '--keep-best',
    key: 'keep_best',
    carriedAs: 'keep.best',
    schema: bestMetric,
    help: 'also keep the best by a number in the progress file: loss:min, accuracy:max',
    group: 'checkpoints',
    more: '`loss` alone means `loss:min`',
  }),
};

/** What of a run is meant. */
export const pullOptions = {
  output: declared({
    flag: '--output-folder',
    writtenAlone: '--output',
    schema: yesOrNo,
    help: 'the output folder that the run keeps, and no checkpoint; --output alone is the same',
    group: 'checkpoints',
    default: false,
  }),
  step: declared({
    flag: '--step',
    schema: numberIn({ least: 0, example: 12_000 }),
    help: 'the checkpoint of this step, and no other',
    group: 'checkpoints',
  }),
  manifest: declared({
    flag: '--manifest',
    schema: textThat({
      takes: 'GENERATION-SEQUENCE, as `checkpoint list` shows it',
      example: '1-12',
      valueName: 'GENERATION-SEQUENCE',
      pattern: /^\d+-\d+$/,
    }),
    help: 'the one that `checkpoint list` shows as GENERATION-SEQUENCE',
    group: 'checkpoints',
  }),
};

/** What `checkpoint cleanup` keeps. */
export const cleaningOptions = {
  keepLast: declared({
    flag: '--keep-last-n',
    schema: numberIn({ least: 1, example: 5 }),
    help: 'how many stay',
    group: 'checkpoints',
    default: 10,
  }),
};

/** How much `checkpoint verify` reads. */
export const verifyOptions = {
  all: declared({
    flag: '--all',
    schema: yesOrNo,
    help: 'every checkpoint of the run, not only the latest',
    group: 'checkpoints',
    default: false,
  }),
};

/** How a run is stopped. */
export const stopOptions = {
  grace: declared({
    flag: '--grace',
    schema: grace,
    help: 'time the script has after SIGTERM',
    group: 'checkpoints',
    defaultText: 'as long as it saves',
  }),
};
