import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { needsPackage } from './package-imports.ts';

/** A folder `transformers` with train.py, models/, optim.py and what its __init__.py says. */
async function needs(script: string, init = ''): Promise<boolean> {
  await using folder = await temporaryFolder('runctl-imports');
  await mkdir(join(folder.path, 'models'));
  for (const [file, text] of [
    ['train.py', script],
    ['optim.py', ''],
    ['__init__.py', init],
  ] as const)
    await writeFile(join(folder.path, file), text);
  return await needsPackage(folder.path, 'train.py', 'transformers');
}

test.each([
  ['from transformers import Trainer'],
  ['from transformers import (\n  Trainer,  # optim\n  AutoModel as M,\n)'],
  ['from transformers import Trainer, \\\n  AutoModel'],
  ['from transformers.trainer_utils import set_seed'],
  ['import os, transformers.trainer_utils as u'],
  ['import transformers\ntransformers.Trainer()'],
  ['import transformers as t\nt.Trainer()\nmy.t.optim()'],
  ['import transformersx\nfrom transformersx import optim'],
  ['from other import optim'],
  ['x = "from transformers import optim"'],
])('an installed package of the same name needs none: %j', async (script) => {
  expect(await needs(script)).toBe(false);
});

test.each([
  ['from . import optim'],
  ['    from .optim import x'],
  ['from transformers import optim'],
  ['from transformers import (\n  Trainer,\n  optim as o\n)'],
  ['from transformers.optim import x'],
  ['from transformers.models.bert import x'],
  ['import os, transformers.optim'],
  ['import transformers as t\nt.optim.x()'],
  ['import transformers'],
  ['from transformers import *'],
  ['from transformers import Local', 'from .optim import Local\n'],
  ['from transformers import Hidden', 'from .optim import *\n'],
])('what the folder itself has needs it: %j', async (script, init = '') => {
  expect(await needs(script, init)).toBe(true);
});
