import { Cli } from 'clipanion';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { destinationOf } from '../catalog/find-command.ts';
import { joinedValues } from '../cli/joined-values.ts';
import { commandDetails } from './command-details.ts';
import { commandIndex } from './command-index.ts';

const root = join(import.meta.dirname, '../../..');

interface Source {
  readonly file: string;
  readonly text: string;
}

function filesBelow(folder: string, ending: RegExp): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter((file) => ending.test(file) && !/node_modules|\/dist\/|fixtures|\.test\.ts$/.test(file))
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
}

const sources = ['packages', 'agent/src', 'controller/src'].flatMap((folder) => filesBelow(folder, /\.ts$/));
const pages = [
  ...filesBelow('docs', /\.md$/),
  ...['README.md', 'CONTRIBUTING.md', 'packages/protocol/FORMAT.md', 'packages/sandbox/FAKES.md'].map((file) => ({
    file,
    text: readFileSync(join(root, file), 'utf8'),
  })),
];

/** Where `command('status', run)` stands in the product: its arguments as they are written. */
function commandCalls({ text }: Source): string[][] {
  if (!/\bcommand\b[^;]*from '@runctl\/core'/.test(text)) return [];
  return [...text.matchAll(/(?<![\w.$`]|function )command\((?=['a-z])/g)].map((match) =>
    argumentsAt(text, match.index + match[0].length),
  );
}

/** The arguments of a call from behind its bracket on, split at the commas that are its own. */
function argumentsAt(text: string, start: number): string[] {
  const found: string[] = [''];
  let depth = 1;
  let quote: string | null = null;
  for (let at = start; depth > 0 && at < text.length; at++) {
    const character = text[at] ?? '';
    if (quote !== null) quote = character === quote ? null : quote;
    else if (/['"`]/.test(character)) quote = character;
    else if (/[([{]/.test(character)) depth++;
    else if (/[)\]}]/.test(character)) depth--;
    if (depth === 0) break;
    if (character === ',' && depth === 1 && quote === null) found.push('');
    else found[found.length - 1] += character;
  }
  return found.map((argument) => argument.trim()).filter((argument) => argument !== '');
}

const literal = (argument: string): string | null => /^'([^']*)'$/.exec(argument)?.[1] ?? null;

const detailsAt = (path: readonly string[]) => commandDetails.find((each) => each.path === path.join(' '));

/** Parses as the command line does, without running it. Arguments that are left out may be anything. */
async function parse(path: readonly string[], args: readonly string[]): Promise<void> {
  const destination = destinationOf(commandIndex, path);
  if (destination.kind !== 'command' || destination.entry.path.length !== path.length)
    throw new Error(`there is no command ${path.join(' ')}`);
  if (args.includes('--help')) return;
  const cli = new Cli({ binaryName: 'runctl' });
  const options = detailsAt(path)?.options ?? [];
  cli.register(await destination.entry.load());
  for (let missing = 0; ; missing++)
    try {
      cli.process([...path, ...joinedValues(args, { options }), ...Array<string>(missing).fill('x')], {});
      return;
    } catch (error) {
      if (missing > 3 || !/Not enough positional arguments/.test(String(error))) throw error;
    }
}

/** Words of a command as texts name it: up to what is a placeholder or an argument. */
async function checkMention(mention: string): Promise<void> {
  const words = mention.trim().split(/\s+/);
  const path = words[0] === 'help' ? words.slice(1) : words;
  if (path.length === 0 || path[0]?.startsWith('-') === true || path[0]?.startsWith('<') === true) return;
  const destination = destinationOf(commandIndex, path);
  const group =
    destination.kind === 'unknown' && /^([A-Z…<*{]|\w+\/)/.test(destination.word) && destination.path.length > 0;
  if (destination.kind === 'group' || group) return;
  if (destination.kind === 'unknown') throw new Error(`there is no command ${path.join(' ')}`);
  const known = detailsAt(destination.entry.path)?.options ?? [];
  const flags = new Set(['--help', '-h', ...known.flatMap((option) => option.flags)]);
  const own = path.includes('--') ? path.slice(0, path.indexOf('--')) : path;
  for (const flag of own.map((word) => /^-{1,2}[a-z][a-z0-9-]*/.exec(word)?.[0]).filter((word) => word !== undefined))
    if (!flags.has(flag)) throw new Error(`${destination.entry.path.join(' ')} has no ${flag}`);
}

describe('commands that texts name', () => {
  const calls = sources.flatMap((source) => commandCalls(source).map((args) => ({ file: source.file, args })));

  test('as data: each parses', async () => {
    expect(calls.length).toBeGreaterThan(30);
    for (const { file, args } of calls) {
      const path = literal(args[0] ?? '');
      if (path === null || path === 'help') continue;
      const given = args
        .slice(1)
        .flatMap((argument) => (argument.startsWith('...') ? [] : [literal(argument) ?? 'r-x']));
      await expect(parse(path.split(' '), given), `${file}: command(${args.join(', ')})`).resolves.toBeUndefined();
    }
  });

  test('are literal but where the command line itself is worked on', () => {
    const computed = calls.filter(({ args }) => literal(args[0] ?? '') === null).map(({ file }) => file);
    expect([...new Set(computed)].sort()).toEqual([
      'controller/src/cli/unknown-command.ts',
      'controller/src/cli/usage.ts',
      'controller/src/options/workload-words.ts',
      'controller/src/render/run-detail.ts',
    ]);
  });

  test('stand in no hint as text, where nothing could be added to them', () => {
    const hints = sources.filter(
      ({ text }) => /\bhint:[^;]{0,200}?`runctl [a-z]/.test(text) || /\bhint:[^;]{0,200}?'runctl [a-z]/.test(text),
    );
    expect(hints.map(({ file }) => file)).toEqual([]);
  });

  test('in texts, comments and pages exist, and so do their options', async () => {
    const problems: string[] = [];
    for (const { file, text } of [...sources, ...pages]) {
      const inCode = [...text.matchAll(/\\?`(?:npx )?runctl ([a-z][^`\\\n$]*)/g)].map((match) => match[1] ?? '');
      const inBlocks = file.endsWith('.md')
        ? [...text.matchAll(/^ *```[^]*?^ *```/gm)].flatMap((block) =>
            [...block[0].matchAll(/^ *(?:\$ )?(?:npx )?runctl ([^\n#|&;]*)/gm)].map((match) => match[1] ?? ''),
          )
        : [];
      for (const mention of [...inCode, ...inBlocks])
        await checkMention(mention).catch((error: Error) =>
          problems.push(`${file}: runctl ${mention}: ${error.message}`),
        );
    }
    expect(problems).toEqual([]);
  });

  test('in examples of help parse', async () => {
    for (const entry of commandIndex.commands) {
      const { usage } = await entry.load();
      for (const [, line] of usage?.examples ?? [])
        for (const [, example = ''] of line.replace('$$', '4242').matchAll(/\$0 ([^;|&)>]*)/g)) {
          const words = [...example.trim().matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
          const path = words.slice(0, entry.path.length);
          await expect(parse(path, words.slice(path.length)), line).resolves.toBeUndefined();
        }
    }
  });

  test('and the options that hints name are options of a command', () => {
    const flags = new Set(commandDetails.flatMap(({ options }) => options.flatMap((option) => option.flags)));
    const named = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/\bhint:\s*(\[[^\]]*\]|'[^'\n]*'|`(?:\\.|[^`\\])*`)/g)].flatMap((match) =>
        [...(match[1] ?? '').replaceAll(/\baws [a-z0-9]+ [a-z-]+[^`]*/g, '').matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(
          (flag) => ({
            file,
            flag: flag[0],
          }),
        ),
      ),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ flag }) => !flags.has(flag) && flag !== '--help')).toEqual([]);
  });
});
