import { expect, test } from 'vitest';
import type { FileSeen } from '../contract/recogniser.ts';
import { CompanionSets } from './companion-sets.ts';

const file = (path: string): FileSeen => ({ path, sizeBytes: 1, mtimeMs: 0, ctimeMs: 0, inode: path, mode: 0o644 });

interface Case {
  readonly together: readonly string[];
  readonly alone: readonly string[];
  readonly own?: string;
}

const cases: readonly Case[] = [
  { together: ['best.pt', 'best.json'], alone: ['vocab.json'] },
  { together: ['best_model.pt', 'best_optimizer.pt'], alone: ['last_model.pt'] },
  { together: ['model_best.pth.tar', 'optimizer-best.pt'], alone: ['bestiary.pt'] },
  { together: ['best/model.pt', 'best/config.json'], alone: ['config/a.json', 'config/b.json'] },
  { together: ['best/unet/weights.bin', 'best/vae/config.json'], alone: [] },
  { together: ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json'], alone: ['tokenizer.json'] },
  { together: ['out/best.pt', 'out/best.json'], alone: ['out/vocab.json', 'best.pt'], own: 'out/step_10.pt' },
  { together: ['study.db', 'study.db-wal'], alone: ['other.db'] },
  { together: ['last.ckpt', 'last.yaml'], alone: ['best.log', 'latest.png'], own: 'epoch=1-step=10.ckpt' },
  { together: ['ema/best/a.pt', 'ema/best/b.pt'], alone: ['ema/notes.md'] },
];

test.each(cases)('$together are saved together, and $alone are not', ({ together, alone, own = 'step_10.pt' }) => {
  const sets = new CompanionSets({ files: [file(own)], companions: [...together, ...alone].map(file) });
  const [name = null, ...others] = new Set(together.map((path) => sets.nameFor(path)));
  expect(name).not.toBeNull();
  expect(others).toEqual([]);
  const rest = [...alone, own].map((path) => sets.nameFor(path) ?? path);
  expect(rest).not.toContain(name);
  expect(new Set(rest).size).toBe(alone.length + 1);
});

test('a file that names others goes with what it names, and the saves of steps are no part of a set', () => {
  const pointers = [{ path: 'best.txt', targets: ['step_10.pt'] }];
  const stale = [file('best.yaml')];
  const companions = ['best.txt', 'best.pt', 'step_10-best.pt'].map(file);
  const sets = new CompanionSets({ files: [file('step_20.pt')], companions, pointers, stale });
  expect([...companions, ...stale].map(({ path }) => sets.nameFor(path))).toEqual([null, '/*best*', null, null]);
});
