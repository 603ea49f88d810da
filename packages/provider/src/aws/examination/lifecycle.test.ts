import { describe, expect, test } from 'vitest';
import { abortsUnfinishedUploads, withAbortRule, withoutAbortRule } from './lifecycle.ts';

const configuration = (...rules: string[]): string =>
  `<?xml version="1.0"?>\n<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rules.map((rule) => `<Rule>${rule}</Rule>`).join('')}</LifecycleConfiguration>`;
const abort =
  '<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>';
const on = '<Status>Enabled</Status>';

describe('a bucket aborts unfinished uploads', () => {
  test.each([
    ['a rule for everything', configuration(`<Filter><Prefix></Prefix></Filter>${on}${abort}`), '', true],
    ['an empty filter', configuration(`<Filter/>${on}${abort}`), 'team/', true],
    ['a rule in the old form', configuration(`<Prefix></Prefix>${on}${abort}`), '', true],
    ['a rule for our prefix', configuration(`<Filter><Prefix>team/</Prefix></Filter>${on}${abort}`), 'team/', true],
    [
      'a prefix with an escaped character',
      configuration(`<Filter><Prefix>a&amp;b/</Prefix></Filter>${on}${abort}`),
      'a&b/',
      true,
    ],
    [
      'the second of two rules',
      configuration(`<Filter/>${on}<Expiration><Days>9</Days></Expiration>`, `<Filter/>${on}${abort}`),
      '',
      true,
    ],
    [
      'a rule for another prefix',
      configuration(`<Filter><Prefix>other/</Prefix></Filter>${on}${abort}`),
      'team/',
      false,
    ],
    [
      'a rule for a part of ours',
      configuration(`<Filter><Prefix>team/a/</Prefix></Filter>${on}${abort}`),
      'team/',
      false,
    ],
    ['a rule that is off', configuration(`<Filter/><Status>Disabled</Status>${abort}`), '', false],
    [
      'a rule for tagged objects',
      configuration(`<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>${on}${abort}`),
      '',
      false,
    ],
    ['another rule alone', configuration(`<Filter/>${on}<Expiration><Days>9</Days></Expiration>`), '', false],
    ['no configuration', null, '', false],
  ])('%s', (_name, xml, prefix, aborts) => {
    expect(abortsUnfinishedUploads(xml, prefix)).toBe(aborts);
  });
});

test.each([
  ['old', ['<Prefix>logs/</Prefix>', '<Prefix></Prefix>'], '<Prefix></Prefix>'],
  ['old, without a character', ['<Prefix/>'], '<Prefix></Prefix>'],
  ['new', ['<Filter/>'], '<Filter><Prefix></Prefix></Filter>'],
  [
    'new, with more than a prefix',
    ['<Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>'],
    '<Filter><Prefix></Prefix></Filter>',
  ],
  ['of no rule', [], '<Filter><Prefix></Prefix></Filter>'],
])('the added rule has the form of the others: %s', (_name, forms, own) => {
  const after = withAbortRule(
    configuration(...forms.map((form) => `${form}${on}<Expiration><Days>9</Days></Expiration>`)),
  );
  expect(after).toContain(`</ID>${own}<Status>`);
  expect(abortsUnfinishedUploads(after, 'any/')).toBe(true);
});

test('the added rule leaves every other rule as it is, also what we do not know', () => {
  const other = `<ID>x</ID><Filter/>${on}<Transition><Days>30</Days><StorageClass>GLACIER_NEW</StorageClass></Transition><Future a="1"/>`;
  const before = configuration(other);
  const after = withAbortRule(before);
  expect(after).toContain(`<Rule>${other}</Rule>`);
  expect(withoutAbortRule(after)).toBe(before);
  expect(withoutAbortRule(before)).toBe(before);
  expect(withoutAbortRule(withAbortRule(null))).toBeNull();
  expect(abortsUnfinishedUploads(after, '')).toBe(true);
  expect(abortsUnfinishedUploads(withAbortRule(null), 'any/')).toBe(true);
});
