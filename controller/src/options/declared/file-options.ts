import { declared } from '../declaration/option-declaration.ts';
import { choice, yesOrNo } from '../values/choices.ts';
import { durationIn, numberIn } from '../values/numbers.ts';
import { repeated, textThat } from '../values/texts.ts';

const namePattern = repeated(textThat({ takes: 'a pattern of names', example: '*.pt', valueName: 'PATTERN' }));

const ofOldTool = { schema: yesOrNo, help: '', group: 'files', hidden: true } as const;

/** Which files are moved or deleted, and how. */
export const fileOptions = {
  include: declared({
    flag: '--include',
    schema: namePattern,
    help: 'take only what fits this pattern, such as "*.pt" or "logs/**"; repeatable',
    group: 'files',
    default: [],
  }),
  exclude: declared({
    flag: '--exclude',
    schema: namePattern,
    help: 'leave out what fits this pattern; repeatable',
    group: 'files',
    default: [],
  }),
  parallel: declared({
    flag: '--parallel,--concurrency',
    schema: numberIn({ least: 1, most: 1024, example: 16 }),
    help: 'small files at the same time; large ones go two at a time, each in eight parts',
    group: 'files',
    defaultText: '16',
  }),
  direction: declared({
    flag: '--direction',
    schema: choice('up', 'down', 'both'),
    help: 'up = to the bucket, down = from it, both = either way',
    group: 'files',
    default: 'up',
  }),
  recursive: declared({
    flag: '-r,--recursive',
    schema: yesOrNo,
    help: 'all below it',
    group: 'files',
    default: false,
  }),
  useS5cmd: declared({ ...ofOldTool, flag: '--use-s5cmd', instead: 'the built-in engine moves the files' }),
};

/** What old command lines ask `transfer` for. */
export const transferWishes = {
  compress: declared({ ...ofOldTool, flag: '--compress', instead: 'objects hold exactly what the files hold' }),
  verify: declared({ ...ofOldTool, flag: '--verify', instead: 'everything is always verified' }),
  resume: declared({ ...ofOldTool, flag: '--resume', instead: 'what was cut off is always gone on with' }),
};

/** What `s3 sync` does with files that only one side has, or that differ. */
export const syncOptions = {
  deleteOthers: declared({
    flag: '--delete',
    schema: yesOrNo,
    help: 'delete at the destination what the source lacks',
    group: 'files',
    default: false,
  }),
  prefer: declared({
    flag: '--prefer',
    schema: choice('local', 'remote', 'newer'),
    help: 'with --direction both, where files differ: local, remote, or newer (by the times of both clocks)',
    group: 'files',
  }),
};

/** What `s3 cleanup` looks at, and what stays. */
export const cleanupOptions = {
  keepLast: declared({
    flag: '--keep-last-n',
    schema: numberIn({ least: 0, example: 5 }),
    help: 'keep the newest',
    group: 'files',
    defaultText: '10, or 0 with --older-than',
  }),
  olderThan: declared({
    flag: '--older-than',
    schema: durationIn({ least: '0s', most: '3650d', example: '30d' }),
    help: 'delete only what is older, such as 30d',
    group: 'files',
  }),
  patterns: declared({
    flag: '--pattern',
    schema: namePattern,
    help: 'only names that fit, such as "*.pt"; repeatable',
    group: 'files',
    default: [],
  }),
};
