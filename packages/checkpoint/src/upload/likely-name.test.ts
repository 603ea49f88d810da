import { expect, test } from 'vitest';
import { likelyFinalPath } from './likely-name.ts';

test.each([
  ['tmp-checkpoint-500/model.safetensors', 'checkpoint-500/model.safetensors'],
  ['500.orbax-checkpoint-tmp-17/d/x', '500/d/x'],
  ['model.pt.tmp', 'model.pt'],
  ['model.pt.tmp.1234', 'model.pt'],
  ['model.pt.part', 'model.pt'],
  ['.model.pt.partial', 'model.pt'],
  ['model.pt~', 'model.pt'],
  ['checkpoint-5/template.bin', 'checkpoint-5/template.bin'],
  ['temperature.pt', 'temperature.pt'],
  ['tmp', 'tmp'],
  ['.tmp', '_tmp'],
])('%s becomes %s', (path, final) => {
  expect(likelyFinalPath(path)).toBe(final);
});
