import { normalize } from 'node:path/posix';
import { textThat } from './texts.ts';
import { RefusedValue, type ValueSchema } from './value-schema.ts';

/** Keys have at most 1,024 bytes, and a checkpoint's own paths need most of them. */
const MAX_PREFIX_BYTES = 256;

/** A folder in the bucket; empty and `/` mean all of it. Read as keys begin with it: it ends with `/`, or is empty. */
export const keyPrefix: ValueSchema<string> = {
  takes: `a folder in the bucket, of at most ${MAX_PREFIX_BYTES} bytes`,
  example: 'team-a/experiments',
  valueName: 'FOLDER',
  read(given) {
    if (typeof given !== 'string') return new RefusedValue({ takes: 'a text in quotes' });
    const trimmed = given.replaceAll(/^\/+|\/+$/g, '');
    if (Buffer.byteLength(trimmed) > MAX_PREFIX_BYTES)
      return new RefusedValue({ takes: `at most ${MAX_PREFIX_BYTES} bytes` });
    if (trimmed.split('/').some((part) => part === '.' || part === '..'))
      return new RefusedValue({ takes: 'a folder in the bucket whose path has no "." or ".." in it' });
    return trimmed === '' ? '' : `${trimmed}/`;
  },
};

/** A folder of the project, or an absolute one on the machine, that has nothing but checkpoints in it. */
export const checkpointFolder = folderOfRun({ holds: 'checkpoints', example: 'checkpoints' });

/** The same for what a script writes besides. */
export const outputFolder = folderOfRun({ holds: 'output', example: 'outputs' });

function folderOfRun({ holds, example }: { readonly holds: string; readonly example: string }): ValueSchema<string> {
  return textThat({
    takes: 'a folder in the project, or an absolute path on the instance',
    example,
    valueName: 'DIR',
    refuses(path) {
      const normal = normalize(`${path}/`);
      if (normal.startsWith('../')) return 'a folder inside the project, or an absolute path on the instance';
      // All that lies in it is taken for the run's own: it is kept, and what a resume finds is put there.
      const isOwn = normal !== '/' && normal !== './' && !/^\/(proc|sys|dev|boot|etc|usr)\/(?!shm\/.)/.test(normal);
      return isOwn ? null : `a folder that has nothing but ${holds} in it`;
    },
  });
}

/** A folder of this computer. */
export const localFolder = textThat({ takes: 'a folder on this computer', example: './work', valueName: 'DIR' });

export const localFile = textThat({ takes: 'a file on this computer', example: './.runctl.toml', valueName: 'FILE' });
