import { declared } from '../declaration/option-declaration.ts';
import { yesOrNo } from '../values/choices.ts';

/** What is taken of a run that was launched before. */
export const launchedOptions = {
  acceptChangedSpec: declared({
    flag: '--accept-changed-spec',
    schema: yesOrNo,
    help: 'run what the bucket says, although this computer launched something else',
    group: 'what',
    default: false,
  }),
};
