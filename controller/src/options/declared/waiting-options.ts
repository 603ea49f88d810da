import { declared } from '../declaration/option-declaration.ts';
import { yesOrNo } from '../values/choices.ts';
import { durationIn } from '../values/numbers.ts';

/** What a launch does where spot has no machine, or where its machines can't work. */
export const fallbackOptions = {
  noFallback: declared({
    flag: '--no-fallback',
    key: 'no_fallback',
    schema: yesOrNo,
    help: 'stay on spot even if there is no capacity',
    group: 'waiting',
    default: false,
  }),
  fallbackAfter: declared({
    flag: '--fallback-after',
    key: 'fallback_after',
    schema: durationIn({ least: '0s', most: '365d', example: '10m' }),
    help: 'wait this long for spot before on-demand',
    group: 'waiting',
    default: '5m',
    more: 'while the laptop watches',
  }),
  noFirstBootCheck: declared({
    flag: '--no-first-boot-check',
    key: 'no_first_boot_check',
    schema: yesOrNo,
    help: 'do not end a launch whose machines boot and never speak',
    group: 'waiting',
    default: false,
  }),
};

/** How long a command waits, and for what. */
export const waitingOptions = {
  detach: declared({
    flag: '-d,--detach',
    schema: yesOrNo,
    help: 'return once an agent has spoken, or there is no machine yet',
    group: 'waiting',
    default: false,
  }),
  timeout: declared({
    flag: '--timeout',
    schema: durationIn({ least: '0s', most: '365d', example: '10m' }),
    help: 'wait at most this long',
    group: 'waiting',
  }),
  interval: declared({
    flag: '--interval',
    schema: durationIn({ least: '1s', most: '1d', example: '30s' }),
    help: 'seconds between two looks, or such as 5m',
    group: 'waiting',
    default: '30',
  }),
  follow: declared({
    flag: '-f,--follow',
    schema: yesOrNo,
    help: 'go on until the run ends',
    group: 'waiting',
    default: false,
  }),
};
