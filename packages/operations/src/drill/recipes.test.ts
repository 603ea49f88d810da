import { expect, test } from 'vitest';
import { lastWords } from './last-words.ts';
import { recipeFor, type FrameworkTraces } from './recipes.ts';

const NOTHING: FrameworkTraces = { script: 'train.py', recognisers: [], sources: [], output: [] };

test.each<[string, Partial<FrameworkTraces>, string | null, RegExp]>([
  ['its checkpoints', { recognisers: ['plain', 'hf-trainer'] }, 'Hugging Face Trainer', /on_step_end/],
  ['an import', { sources: ['import os\nimport lightning as L\n'] }, 'Lightning', /save_on_exception=True/],
  ['an older import', { sources: ['from pytorch_lightning import Trainer'] }, 'Lightning', /save_on_exception/],
  ['an import in a try', { sources: ['try:\n    from keras import layers\n'] }, 'Keras', /on_train_batch_end/],
  ['TensorFlow', { sources: ['from tensorflow import keras'] }, 'Keras', /not model\.stop_training/],
  [
    'an import among others',
    { sources: ['from transformers import (Trainer, AutoModel)'] },
    'Hugging Face Trainer',
    /./,
  ],
  ['its output', { output: ['`Trainer.fit` stopped: `max_steps=300` reached.'] }, 'Lightning', /save_on_exception/],
  ['its dicts', { output: ["{'loss': '2.3', 'epoch': '0.1'}"] }, 'Hugging Face Trainer', /should_save/],
  ['its rounds', { output: ['[3]\ttrain-rmse:0.2'] }, 'XGBoost', /after_iteration/],
  ['accelerate', { sources: ['from accelerate import Accelerator'] }, 'accelerate', /save_state/],
  ['nothing', { sources: ['import torch', 'x = "import keras"', 'from transformers import AutoModel'] }, null, /flag/],
])('the recipe fits a script that is known by %s', (_name, traces, framework, react) => {
  const recipe = recipeFor({ ...NOTHING, ...traces });
  expect(recipe.framework).toBe(framework);
  expect(recipe.react).toMatch(react);
  expect(recipe.react).not.toMatch(/in the (?:SIGTERM )?handler/);
});

test('a shell is to become the trainer', () => {
  const { react } = recipeFor({ ...NOTHING, script: 'run.sh', sources: ['python3 -m lightning'] });
  expect(react).toMatch(/only set a flag.*exec python …/s);
  expect(recipeFor(NOTHING).react).not.toContain('exec');
});

test('what a script died of is its exception, else its last line', () => {
  const traceback = [
    'Traceback (most recent call last):',
    '  File "x.py", line 2, in <module>',
    "ModuleNotFoundError: No module named 'x'",
    'an atexit hook says good-bye',
  ];
  expect(lastWords(traceback)).toBe("ModuleNotFoundError: No module named 'x'");
  expect(lastWords(['torch.cuda.OutOfMemoryError: CUDA out of memory'])).toMatch(/OutOfMemoryError/);
  expect(lastWords(['step 1', 'killed'])).toBe('killed');
  expect(lastWords([])).toBeNull();
});
