import { declared } from '../declaration/option-declaration.ts';
import { yesOrNo } from '../values/choices.ts';
import { textThat } from '../values/texts.ts';

/** What is taken of a run that was launched before. */
export const launchedOptions = {
  acceptChangedSpec: declared({
    flag: '--accept-changed-spec',
    schema: yesOrNo,
    help: 'run what the bucket says, although this computer launched or resumed something else',
    group: 'what',
    default: false,
  }),
  expectSpec: declared({
    flag: '--expect-spec',
    schema: textThat({
      takes: 'the SHA-256 of a spec, 64 hexadecimal digits',
      example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      valueName: 'SHA256',
      pattern: /^[0-9a-f]{64}$/i,
    }),
    help: 'run nothing else than the spec with this SHA-256, which `status -v` shows on the computer that launched it (on one that only resumed it: what that one took)',
    group: 'what',
  }),
};
