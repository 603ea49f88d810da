import { declared } from '../declaration/option-declaration.ts';
import { choice } from '../values/choices.ts';
import { numberIn } from '../values/numbers.ts';

/** EC2's own times are only ever shortened. */
const timeScale = numberIn({ least: 0.001, most: 1, fraction: true, example: 0.1 });

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
    schema: choice('auto', 'process', 'lite'),
    help: 'how real instances are',
    group: 'rehearsal',
    defaultText: 'auto',
  }),
};
