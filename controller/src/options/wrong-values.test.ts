import { Cli } from 'clipanion';
import { expect, test } from 'vitest';
import { commandIndex } from '../command-index/command-index.ts';
import { settingDeclarations } from '../settings/schema.ts';
import { commandWorld } from '../testing/command-world.ts';
import { placesOf, refusedSlips } from '../testing/wrong-values.ts';
import { declarationsOf } from './declaration/option.ts';
import { flagNames, type OptionDeclaration } from './declaration/option-declaration.ts';
import { bucketName, imageName, machineRoleName, securityGroupName } from './values/cloud-names.ts';
import { numberIn } from './values/numbers.ts';
import { keyPrefix } from './values/places.ts';
import { RefusedValue } from './values/value-schema.ts';

const PAGE = '../testing/wrong-values.txt';

async function everyDeclaration(): Promise<readonly OptionDeclaration[]> {
  const classes = await Promise.all(commandIndex.commands.map((entry) => entry.load()));
  const all = [...classes.flatMap((each) => declarationsOf(each)), ...settingDeclarations.values()];
  const different = new Map(all.map((each) => [`${each.flag} ${each.key} ${each.schema.takes}`, each]));
  return [...different.values()].filter(({ hidden }) => hidden !== true);
}

test('every option that takes a value says what it takes; all the messages stand in one file to be read', async () => {
  const lines: string[] = [];
  for (const declaration of await everyDeclaration())
    for (const [index, place] of placesOf(declaration).entries()) {
      if (place.kind === 'flag' && declaration.schema.valueName === null) continue;
      const slips = refusedSlips(declaration, place);
      expect(slips, JSON.stringify(declaration)).not.toEqual([]);
      // A file and a variable are told as the flag is, but for their own words.
      const shown = index === 0 ? slips : slips.slice(0, 1);
      for (const [, error] of shown) lines.push(`error[${error.code}]: ${error.message}\nhint: ${error.hint}\n`);
    }
  await expect(lines.join('\n')).toMatchFileSnapshot(PAGE);
});

test('a wrong value is told before anything is connected to, with the flag as it was written', async () => {
  await using scope = await commandWorld({ 'requirements.txt': '', 'train.py': '' });
  for (const entry of commandIndex.commands) {
    const { path } = entry;
    const commandClass = await entry.load();
    const [definition] = Cli.from([commandClass]).definitions();
    const given = [...(definition?.usage ?? '').matchAll(/<[^>]+>/g)].map(() => 'x');
    for (const declaration of declarationsOf(commandClass))
      for (const name of flagNames(declaration)) {
        const slip = refusedSlips(declaration, { kind: 'flag', name })[0];
        if (slip === undefined || declaration.schema.valueName === null) continue;
        const [value, { message, hint }] = slip;
        const result = await scope.world.run([...path, ...given, name, value]);
        expect(result.stderr).toBe(`error[usage]: ${message}\nhint: ${hint}\n`);
        expect(result.exitCode).toBe(2);
      }
  }
  expect(scope.world.connections).toBe(0);
});

test('numbers are read as people write them', () => {
  const schema = numberIn({ least: -10, most: 1000, fraction: true, example: 1 });
  expect(['7', ' 7 ', '1e2', '+.5', '-3', '2.'].map((text) => schema.read(text))).toEqual([7, 7, 100, 0.5, -3, 2]);
});

test.each([
  [['launch', ''], 'script'],
  [['logs', ' '], 'RUN'],
  [['s3', 'upload', '', 's3://abc/x'], 'SOURCE'],
  [['checkpoint', 'info', 'r-abc', ''], 'CHECKPOINT'],
])('%j: an empty argument is told by its name', async (args, name) => {
  await using scope = await commandWorld();
  const result = await scope.world.run(args);
  expect(result.stderr).toBe(`error[usage]: ${name} is empty\nhint: check the shell variable that it comes from\n`);
  expect(scope.world.connections).toBe(0);
});

test.each([
  ['s3://b/x', /"b" is no bucket's name, which has 3 to 63 characters/],
  ['s3://My_B/x', /"My_B" is no bucket's name, which has only lowercase letters, /],
  ['s3:///x', /s3:\/\/\/x names no bucket/],
])('%s says why it is no place', async (place, message) => {
  await using scope = await commandWorld();
  const result = await scope.world.run(['s3', 'list', place]);
  expect(result.stderr).toMatch(message);
  expect(result.stderr).toMatch(/hint: write s3:\/\/bucket\/folder/);
});

test('one empty text among the values of a list is told', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const result = await scope.world.run(['launch', 'train.py', '--instance-type', '', '--instance-type', 'g5.xlarge']);
  expect(result.stderr).toMatch(
    /--instance-type takes names of instance types, not ""\nhint: if it comes from a shell variable, that is empty/,
  );
});

test.each([
  [imageName, ['ami-0abc', '/aws/service/x', 'resolve:ssm:/my/image:3', 'my-image'], ['ami-xyz', 'a b', '']],
  [securityGroupName, ['sg-0abc'], ['foo', 'subnet-0abc']],
  [
    machineRoleName,
    ['trainer', 'arn:aws-cn:iam::123456789012:instance-profile/team/trainer'],
    ['arn:aws:iam::1:role/x'],
  ],
  [keyPrefix, ['', '/', 'a/b/'], ['../..', 'a/../b', './a']],
  [bucketName, ['abc', 'my.bucket-1'], ['b', 'My_B', '-abc', '10.0.0.1']],
] as const)('names are told from slips: %j', (schema, right, wrong) => {
  for (const text of right) expect(schema.read(text), text).not.toBeInstanceOf(RefusedValue);
  for (const text of wrong) expect(schema.read(text), text).toBeInstanceOf(RefusedValue);
});
