import { describe, expect, test } from 'vitest';
import { withSettings } from './write.ts';

const settings = { bucket: 'b', region: 'us-east-1' };

describe('settings written into a configuration', () => {
  test.each([
    ['an empty file', '', 'bucket = "b"\nregion = "us-east-1"\n'],
    ['other settings stay', 'budget = 3 # dollars\n', 'budget = 3 # dollars\nbucket = "b"\nregion = "us-east-1"\n'],
    ['a file without an end of line', 'budget = 3', 'budget = 3\nbucket = "b"\nregion = "us-east-1"\n'],
    ['one that stands is replaced', '# ours\nbucket = "old"\n', '# ours\nbucket = "b"\nregion = "us-east-1"\n'],
    [
      'before the first table',
      '# top\nbudget = 3\n[machine]\nami = "ami-1"\n',
      '# top\nbudget = 3\nbucket = "b"\nregion = "us-east-1"\n[machine]\nami = "ami-1"\n',
    ],
    [
      'before a table alone',
      '[machine]\nami = "ami-1"\n',
      'bucket = "b"\nregion = "us-east-1"\n\n[machine]\nami = "ami-1"\n',
    ],
    [
      'where it stands in its table',
      '[cloud]\nbucket = "old"\nregion="eu-west-1"\n',
      '[cloud]\nbucket = "b"\nregion = "us-east-1"\n',
    ],
    ['under a quoted key', '"bucket" = "old"\n', 'bucket = "b"\nregion = "us-east-1"\n'],
    ['not where a comment says it', '# bucket = "x"\n', '# bucket = "x"\nbucket = "b"\nregion = "us-east-1"\n'],
    ['with blanks before it', '  bucket = "old"\n', 'bucket = "b"\nregion = "us-east-1"\n'],
  ])('%s', (_name, before, after) => {
    expect(withSettings(before, settings)).toBe(after);
    expect(withSettings(after, settings)).toBe(after);
  });

  test('a list, and a text with quotes in it', () => {
    expect(withSettings('', { security_groups: ['sg-1', 'sg-2'], prefix: 'a"b/' })).toBe(
      'security_groups = ["sg-1", "sg-2"]\nprefix = "a\\"b/"\n',
    );
  });

  test.each([
    ['a value over several lines', 'bucket = """\nold\n"""\n'],
    ['a list over several lines', 'bucket = [\n"a"\n]\n'],
    ['what looks like it within a text', 'name = """\nbucket = "x"\n"""\n'],
    ['no TOML', 'bucket "b"\n'],
  ])('refuses %s rather than to spoil it', (_name, before) => {
    expect(() => withSettings(before, settings)).toThrow(expect.objectContaining({ code: 'config-invalid' }) as Error);
  });
});
