import { declared } from '../declaration/option-declaration.ts';
import { localFolder } from '../values/places.ts';
import { repeated, textThat } from '../values/texts.ts';

/** What is run. */
export const workloadOptions = {
  module: declared({
    flag: '-m,--module',
    schema: textThat({ takes: 'the dotted name of a module', example: 'package.train', valueName: 'MODULE' }),
    help: 'run a Python module in place of a script; its arguments come after --',
    group: 'what',
  }),
  interpreter: declared({
    flag: '--interpreter',
    schema: textThat({
      takes: 'the name or the path of a program',
      example: 'python3.12',
      valueName: 'PROGRAM',
      pattern: /^[^\s-]\S*$/,
    }),
    help: 'what runs the script or module: a name or path on the machine, or a relative path in the project',
    group: 'what',
    defaultText: 'told by the script',
  }),
  project: declared({
    flag: '--project',
    schema: localFolder,
    help: 'folder to copy to the instance',
    group: 'what',
    defaultText: 'found from the script, or from here',
  }),
  includePattern: declared({
    flag: '--include-pattern',
    schema: repeated(textThat({ takes: 'a pattern as in .gitignore', example: '.env', valueName: 'PATTERN' })),
    help: 'send what fits this pattern too, though git ignores it or it may hold secrets, such as .env; repeatable',
    group: 'what',
    default: [],
  }),
  env: declared({
    flag: '--env',
    schema: repeated(
      textThat({
        takes: 'NAME=value, or NAME alone for the value it has in your shell',
        example: 'NAME=value',
        valueName: 'K=V',
        pattern: /^[A-Za-z_][A-Za-z0-9_]*(=|$)/,
      }),
    ),
    help: 'K=V, or K alone for the value it has in your shell; repeatable',
    group: 'what',
    default: [],
  }),
  name: declared({
    flag: '--name',
    schema: textThat({
      takes: 'letters, digits, dot, dash and underscore, at most 63, beginning with a letter or digit',
      example: 'resnet-baseline',
      valueName: 'NAME',
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    }),
    help: 'a name for the run, unique in the bucket',
    group: 'what',
  }),
};
