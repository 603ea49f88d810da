import { build } from 'esbuild';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { commandIndexPlugin } from '../../command-index-plugin.ts';
import type { CommandDetails, CommandIndex, CommandSummaries } from '../catalog/command-entry.ts';
import { commandDetails } from './command-details.ts';
import { commandIndex } from './command-index.ts';
import { readCommands } from './read-commands.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const read = (name: string) => readCommands([join(fixtures, name)]);

describe('the commands of a folder', () => {
  test('are named by their paths, at any depth, with what the overview shows of them', async () => {
    const { commands, groups } = await read('cloud');
    expect(commands.map(({ summary }) => summary)).toEqual([
      { path: ['aws', 'ebs', 'attach'], summary: 'Attaches a disk', section: null, hidden: false },
      { path: ['top'], summary: 'Shows what runs use', section: 'runs', hidden: true },
    ]);
    expect(groups).toEqual({
      aws: { section: 'account', summary: 'Machines on AWS' },
      'aws ebs': { section: null, summary: 'Disks that outlive machines' },
    });
  });

  test('come with their arguments and options', async () => {
    const { details } = (await read('cloud')).commands[0] ?? {};
    expect(details).toMatchObject({ path: 'aws ebs attach', args: ['DISK'], takesRest: false });
    expect(details?.options.find(({ flags }) => flags.includes('--device'))).toMatchObject({
      flags: ['-d', '--device'],
      help: 'name on the machine',
      values: ['xvdf', 'xvdg'],
    });
  });

  test.each([
    ['no-group', /list\.ts belongs to `runctl aws`; say in commands\/aws\.ts what that is/],
    ['other-path', /usage\.ts says that it is `runctl top`; its path says `runctl usage`/],
    ['two-commands', /top\.ts exports 2 commands/],
    ['no-section', /top\.ts needs a category in its usage: one of runs, rehearsal,/],
  ])('are refused with the file when something is wrong: %s', async (folder, problem) => {
    await expect(read(folder)).rejects.toThrow(problem);
  });
});

test('the build writes the same index as is read from the sources', async () => {
  await using folder = await temporaryFolder('runctl-index');
  await build({
    stdin: {
      contents:
        "export * from './command-index.ts'; export * from './command-details.ts'; export * from './command-summaries.ts';",
      resolveDir: import.meta.dirname,
    },
    outfile: join(folder.path, 'index.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    plugins: [
      commandIndexPlugin([join(import.meta.dirname, '../commands')]),
      // Only the index itself is wanted here, without the code of the commands.
      { name: 'no-code', setup: (b) => b.onResolve({ filter: /src\/commands\// }, () => ({ external: true })) },
    ],
  });
  const written = (await import(pathToFileURL(join(folder.path, 'index.mjs')).href)) as {
    commandIndex: CommandIndex;
    commandDetails: readonly CommandDetails[];
    commandSummaries: CommandSummaries;
  };
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  expect(plain(written.commandIndex)).toEqual(plain(commandIndex));
  expect(written.commandDetails).toEqual(commandDetails);
  expect(written.commandSummaries).toEqual(plain(commandIndex));
});
