import { declared } from '../declaration/option-declaration.ts';
import { choice, yesOrNo } from '../values/choices.ts';
import { numberIn } from '../values/numbers.ts';
import { textThat } from '../values/texts.ts';

/** How the agent on a machine is reached. */
export const liveOptions = {
  live: declared({
    flag: '--live',
    schema: yesOrNo,
    help: 'ask the agent on the machine',
    group: 'where',
    default: false,
  }),
  via: declared({
    flag: '--via',
    schema: choice('ssh'),
    help: 'ssh = reach the agent through an SSH tunnel',
    group: 'where',
  }),
  sshUser: declared({
    flag: '--ssh-user',
    schema: textThat({
      takes: 'the name of a user',
      example: 'ubuntu',
      valueName: 'USER',
      pattern: /^[A-Za-z_][\w.-]*$/,
    }),
    help: 'user on the machine, for --via ssh',
    group: 'where',
    default: 'ubuntu',
  }),
};

/** How much a list shows. */
export const listOptions = {
  limit: declared({
    flag: '--limit',
    schema: numberIn({ least: 1, example: 50 }),
    help: 'how many runs',
    group: 'output',
    default: 20,
  }),
};
