import { declared } from '../declaration/option-declaration.ts';
import { choice, yesOrNo } from '../values/choices.ts';
import { localFile } from '../values/places.ts';

/** How a command reads its configuration and prints. Every command has them. */
export const outputOptions = {
  config: declared({
    flag: '-c,--config',
    schema: localFile,
    help: 'read the configuration from this file instead of looking for .runctl.toml',
    group: 'output',
  }),
  verbose: declared({
    flag: '-v,--verbose',
    schema: yesOrNo,
    help: 'say more, with stack traces of internal errors',
    group: 'output',
    default: false,
  }),
  json: declared({
    flag: '--json',
    schema: yesOrNo,
    help: 'print one JSON object a line',
    group: 'output',
    default: false,
  }),
  output: declared({
    flag: '--output',
    schema: choice('text', 'json'),
    help: 'json = the same as --json, text = for people',
    group: 'output',
    default: 'text',
  }),
  /** Before something that costs money or can't be undone. */
  yes: declared({ flag: '-y,--yes', schema: yesOrNo, help: 'do not ask', group: 'output', default: false }),
  dryRun: declared({
    flag: '--dry-run',
    schema: yesOrNo,
    help: 'only say what would happen',
    group: 'output',
    default: false,
  }),
};
