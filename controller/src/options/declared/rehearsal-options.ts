import { declared } from '../declaration/option-declaration.ts';
import { choice, yesOrNo } from '../values/choices.ts';
import { numberIn } from '../values/numbers.ts';

/** EC2's own times are only ever shortened. */
const timeScale = numberIn({ kind: 'a share of the real times', least: 0.001, most: 1, fraction: true, example: 0.1 });

/** The local cloud and what happens on it. */
export const rehearsalOptions = {
  timeScale: declared({
    flag: null,
    key: 'time_scale',
    schema: timeScale,
    help: 'for rehearsals: two minutes of a notice last 120 s × this',
    group: 'rehearsal',
    default: 1,
  }),
  cloudTimeScale: declared({
    flag: '--time-scale',
    schema: timeScale,
    help: "shortens EC2's own times: 0.1 makes a notice last 12 s",
    group: 'rehearsal',
    defaultText: '1',
  }),
  level: declared({
    flag: '--level',
    schema: choice('auto', 'process', 'lite', 'nspawn'),
    help: 'how real instances are',
    group: 'rehearsal',
    defaultText: 'auto',
  }),
  drillTimeScale: declared({
    flag: '--time-scale',
    schema: timeScale,
    help: "shortens EC2's own times; at 0.1 a notice lasts 12 s",
    group: 'rehearsal',
    default: 0.1,
  }),
  keep: declared({
    flag: '--keep',
    schema: yesOrNo,
    help: "keep the local cloud's folder afterwards",
    group: 'rehearsal',
    default: false,
  }),
};

/** What a drill does to the script. */
export const drillOptions = {
  interruptions: declared({
    flag: '--interruptions',
    schema: numberIn({ least: 0, most: 100, example: 2 }),
    help: 'how many',
    group: 'rehearsal',
    default: 1,
  }),
  noNotice: declared({
    flag: '--no-notice',
    schema: numberIn({
      kind: 'a share of the interruptions',
      least: 0,
      most: 1,
      fraction: true,
      example: 0.5,
      valueName: 'SHARE',
    }),
    help: 'share of them that come without a notice, 0 to 1',
    group: 'rehearsal',
    default: 0,
  }),
  seed: declared({
    flag: '--seed',
    schema: numberIn({ least: 0, most: 2 ** 32 - 1, example: 7 }),
    help: 'decides the moments',
    group: 'rehearsal',
    default: 1,
  }),
  compare: declared({
    flag: '--compare',
    schema: yesOrNo,
    help: 'run it undisturbed first, and compare the results byte for byte',
    group: 'rehearsal',
    default: false,
  }),
};

/** How one machine is reclaimed. */
export const reclaimOptions = {
  noNotice: declared({
    flag: '--no-notice',
    schema: yesOrNo,
    help: 'it dies at once',
    group: 'rehearsal',
    default: false,
  }),
  rebalance: declared({
    flag: '--rebalance',
    schema: yesOrNo,
    help: 'a rebalance recommendation comes first',
    group: 'rehearsal',
    default: false,
  }),
};
