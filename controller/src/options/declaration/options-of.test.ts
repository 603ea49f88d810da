import { expect, test } from 'vitest';
import { commandIndex } from '../../command-index/command-index.ts';
import { option } from './option.ts';
import { optionsOf } from './options-of.ts';
import { choice, yesOrNo } from '../values/choices.ts';

class Example {
  argument = 'no option';
  mode = option({ flag: '-m,--mode', schema: choice('a', 'b'), help: 'what', group: 'what', default: 'a' });
  old = option({ flag: '--old', schema: yesOrNo, help: '', group: 'files', hidden: true });
}

test('options of a class are listed with their spellings, values and shown default', () => {
  expect(optionsOf(Example)).toEqual([
    {
      flags: ['-m', '--mode'],
      takesValue: true,
      valueName: 'a|b',
      values: ['a', 'b'],
      repeatable: false,
      help: 'what',
      group: 'what',
      defaultText: 'a',
      hidden: false,
    },
    expect.objectContaining({ flags: ['--old'], takesValue: false, values: [], defaultText: null, hidden: true }),
  ]);
});

test('every command declares all its options, with a line of help each', async () => {
  for (const entry of commandIndex.commands) {
    const options = optionsOf(await entry.load());
    expect(options.map(({ flags }) => flags.at(-1))).toContain('--json');
    expect(options.filter(({ help, hidden }) => help === '' && !hidden)).toEqual([]);
    const flags = options.flatMap((each) => each.flags);
    expect(new Set(flags).size, entry.path.join(' ')).toBe(flags.length);
  }
});
