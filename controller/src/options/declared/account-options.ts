import { declared } from '../declaration/option-declaration.ts';
import { choice, yesOrNo } from '../values/choices.ts';

/** What `runctl init` is to do besides writing a file. */
export const accountOptions = {
  cloud: declared({
    flag: '--cloud',
    schema: yesOrNo,
    help: 'make what is missing in the account too, after one question',
    group: 'what',
    default: false,
  }),
  print: declared({
    flag: '--print',
    schema: choice('iam', 'cloudformation'),
    help: 'print what --cloud would make, as text for an administrator, and do nothing',
    group: 'what',
  }),
  destroy: declared({
    flag: '--destroy',
    schema: yesOrNo,
    help: 'remove what --cloud has made, after one question',
    group: 'what',
    default: false,
  }),
};
