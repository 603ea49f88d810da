import { hintText } from '@runctl/core';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandIndex } from '../command-index/command-index.ts';
import { readCommands } from '../command-index/read-commands.ts';
import type { CommandIndex } from '../catalog/command-entry.ts';
import { commandWorld, type CommandResult } from '../testing/command-world.ts';
import { destinationOf } from '../catalog/find-command.ts';
import { otherWords } from './other-words.ts';

async function run(line: string, commands?: CommandIndex): Promise<CommandResult> {
  await using scope = await commandWorld();
  if (commands !== undefined) scope.world.commands = commands;
  return scope.world.run(line === '' ? [] : line.split(' '));
}

describe('a command line that leads to no command', () => {
  test.each([
    ['lauch train.py', 'did you mean `runctl launch train.py`?'],
    ['LAUNCH train.py', 'did you mean `runctl launch train.py`?'],
    ['checkpoint lst', 'did you mean `runctl checkpoint list`?'],
    ['chekpoint pul r-abc', 'did you mean `runctl checkpoint pull r-abc`?'],
    ['check list', 'did you mean `runctl checkpoint list`?'],
    ['s3-upload a b', 'did you mean `runctl s3 upload a b`?'],
    ['list checkpoint', 'did you mean `runctl checkpoint list`?'],
    ['upload a b', 'did you mean `runctl s3 upload a b`?'],
    ['help lauch', 'did you mean `runctl launch`?'],
    ['xx', '`runctl help` lists the commands'],
    ['sandbox frobnicate', 'one of: sandbox env, sandbox interrupt, sandbox start, sandbox status, sandbox stop'],
    ['ps', '`runctl status` lists the runs'],
    ['list', '`runctl status` lists the runs'],
    ['runs', '`runctl status` lists the runs'],
    ['cancel r-abc', '`runctl stop RUN` ends a run; its script may save first'],
    ['down r-abc', '`runctl stop RUN` ends a run; its script may save first'],
    ['kill r-abc', '`runctl stop RUN` ends a run; its script may save first'],
    ['tail r-abc', '`runctl logs -f RUN` follows the log of a run'],
  ])('%s', async (line, hint) => {
    const { exitCode, stdout, stderr } = await run(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^error\[usage\]: there is no command /);
    expect(stderr).toContain(`\nhint: ${hint}\n`);
  });

  test.each([
    ['--sandbox status', 'the command must come first, before --sandbox'],
    ['status r-abc logs', 'unexpected argument "logs"'],
    ['stop r-abc --no-grace', 'unknown option --no-grace\nhint: did you mean --grace?'],
    ['launch --graze 5s', 'unknown option --graze\nhint: did you mean --grace?'],
    ['launch train.py -grace 5s', 'unknown option -grace\nhint: did you mean --grace?'],
    ['transfer a', 'transfer needs a DESTINATION'],
    ['checkpoint pull --output', 'checkpoint pull needs a RUN'],
    ['checkpoint pull --output --json', '"message":"checkpoint pull needs a RUN"'],
    ['checkpoint pull --output r-abc here more', 'unexpected argument "more"'],
    ['checkpoint pull r-abc --step', '--step needs a value'],
    ['status --output', '--output needs a value'],
    ['logs --nope', 'unknown option --nope\nhint: `runctl logs --help` shows the options'],
  ])('or one that is not understood: %s', async (line, said) => {
    const { exitCode, stderr } = await run(line);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(line.includes('--json') ? said : `error[usage]: ${said}`);
  });

  test('words of other tools stand in no command’s way, and the answers name commands that exist', () => {
    for (const [words, hint] of Object.entries(otherWords)) {
      expect(destinationOf(commandIndex, words.split(' ')).kind, words).toBe('unknown');
      hintText(hint, ({ path }) => {
        expect(destinationOf(commandIndex, path.split(' ')), path).toMatchObject({ kind: 'command' });
        return path;
      });
    }
  });
});

describe('help', () => {
  let deep: CommandIndex;
  beforeAll(async () => {
    const { commands, groups } = await readCommands([join(import.meta.dirname, '../command-index/fixtures/cloud')]);
    const entries = commands.map(({ summary, commandClass }) => ({ ...summary, load: async () => commandClass }));
    deep = { commands: entries, groups };
  });

  test.each(['help', '--help', '-h'])('%s shows commands and groups by section', async (line) => {
    const { exitCode, stdout } = await run(line);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^runctl 0\.0\.0: [^]*\nruns\n {2}attach +Follows a run live\n/);
    expect(stdout).toMatch(/\n {2}s3 … +Files and folders in a bucket: cleanup, download, list, /);
    expect(stdout).not.toContain('serve');
  });

  test('without a command the same is shown, and the exit code says that one is missing', async () => {
    expect(await run('')).toEqual({ ...(await run('help')), exitCode: 2 });
  });

  test.each([
    ['help aws', 0],
    ['aws --help', 0],
    ['aws', 2],
  ])('a group is shown with all that is below it: %s', async (line, exitCode) => {
    expect(await run(line, deep)).toEqual({
      exitCode,
      stderr: '',
      stdout:
        'usage: runctl aws <command> [options]\n\nMachines on AWS\n\n  aws ebs attach  Attaches a disk\n\nrunctl help aws <command> tells more of one.\n',
    });
  });

  test('a group in a group', async () => {
    expect((await run('help aws ebs', deep)).stdout).toMatch(/^usage: runctl aws ebs <command>[^]*Disks that outlive/);
    expect(JSON.parse((await run('aws ebs --json', deep)).stderr)).toMatchObject({
      message: 'aws ebs needs a subcommand',
      hint: 'one of: aws ebs attach',
    });
  });

  test('a command at depth three runs, has help, and is the nearest of a slip', async () => {
    expect((await run('aws ebs attach vol-1', deep)).stdout).toBe('attached vol-1\n');
    expect((await run('help aws ebs attach', deep)).stdout).toMatch(/^usage: runctl aws ebs attach <DISK>/);
    expect((await run('aws ebs atach vol-1', deep)).stderr).toContain('did you mean `runctl aws ebs attach vol-1`?');
    expect((await run('aws esb attach vol-1', deep)).stderr).toContain('did you mean `runctl aws ebs attach vol-1`?');
  });

  test('the options of a command stand by group, each once, with values and defaults', async () => {
    const { stdout } = await run('help launch');
    expect(stdout).toBe((await run('launch --help')).stdout);
    expect(stdout.match(/^[a-z ]+:$/gm)).toEqual([
      'what to run:',
      'where it runs:',
      'money and limits:',
      'checkpoints:',
      'waiting:',
      'output:',
      'everywhere:',
      'examples:',
    ]);
    const section = (heading: string): string => stdout.split(`\n${heading}:\n`)[1]?.split('\n\n')[0] ?? '';
    expect(section('money and limits')).toMatch(/--budget USD +\S/);
    expect(section('checkpoints')).toMatch(/--resume auto\|never +.*\(default: auto\)/);
    expect(section('waiting')).toMatch(/^ {2}-d, --detach +\S/m);
    expect(section('everywhere')).toMatch(/--output text\|json/);
    const flags = stdout.match(/^ {2}(?:-\w, )?--[a-z-]+/gm) ?? [];
    expect(new Set(flags).size).toBe(flags.length);
  });
});

describe('commands that a command names', () => {
  const place = ['--bucket', 'other', '--prefix', 'team a', '--region', 'eu-west-1'];
  const added = "--bucket other --prefix 'team a/' --region eu-west-1";

  test('in a hint carry what the command line itself needed, for programs too', async () => {
    await using scope = await commandWorld({ 'train.py': 'print(1)\n' });
    await scope.world.run(['launch', 'train.py', '--detach', '--yes', '--name', 'mine']);
    const refused = await scope.world.run(['logs', 'nope', ...place]);
    expect(refused.stderr).toContain(`\nhint: \`runctl status ${added}\` lists the runs`);
    const json = await scope.world.run(['logs', 'nope', '--json', ...place]);
    expect(JSON.parse(json.stderr)).toMatchObject({
      hint: expect.stringContaining(`\`runctl status ${added}\` lists the runs`),
    });
  });

  test('outside of errors too', async () => {
    await using scope = await commandWorld({ 'train.py': 'print(1)\n' });
    const launched = await scope.world.run(['launch', 'train.py', '--detach', '--yes', ...place]);
    expect(launched.stderr).toContain(`come back:  runctl attach <run> ${added}\n`);
    expect((await scope.world.run(['status', 'r-', ...place])).stdout).toContain(`runctl logs <run> ${added} · `);
  });
});
