import { declared } from '../declaration/option-declaration.ts';
import { choice } from '../values/choices.ts';
import { textThat } from '../values/texts.ts';

/** How the agent on a machine is reached. */
export const liveOptions = {
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
