import type { CommandDetails, CommandIndex, IndexedOption } from '../catalog/command-entry.ts';
import { destinationOf, shownNextWords } from '../catalog/find-command.ts';
import type { RememberedRun } from './run-memory.ts';

/** Something that could stand where the cursor is, with a few words about it. */
export interface Suggestion {
  readonly value: string;
  readonly about: string;
}

export interface Completion {
  readonly suggestions: readonly Suggestion[];
  /** Files of this computer could stand there too. */
  readonly files: boolean;
}

/** What a completion is made from. `runs` is only called where a run can stand. */
export interface CompletionSources {
  readonly index: CommandIndex;
  readonly details: readonly CommandDetails[];
  runs(): Promise<readonly RememberedRun[]>;
}

const NOTHING: Completion = { suggestions: [], files: false };
const FILES: Completion = { suggestions: [], files: true };

/** What could stand in the place of the last of the words, which may be empty. The program's own name is none of them. */
export async function completionOf(words: readonly string[], sources: CompletionSources): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const typed = words.slice(0, -1);
  const { suggestions, files } = await allFor(typed, current, sources);
  return { suggestions: suggestions.filter(({ value }) => value.startsWith(current)), files };
}

async function allFor(typed: readonly string[], current: string, sources: CompletionSources): Promise<Completion> {
  const asksForHelp = typed[0] === 'help';
  const path = asksForHelp ? typed.slice(1) : typed;
  const destination = destinationOf(sources.index, path);
  if (destination.kind === 'unknown') return NOTHING;
  if (destination.kind === 'group') return nextWordsFor(sources.index, path);
  if (asksForHelp) return NOTHING;
  const { entry } = destination;
  const details = sources.details.find((each) => each.path === entry.path.join(' '));
  if (details === undefined) return NOTHING;
  return insideCommand({ details, behind: typed.slice(entry.path.length), current, sources });
}

function nextWordsFor(index: CommandIndex, path: readonly string[]): Completion {
  const words = shownNextWords(index, path).map((word): Suggestion => {
    const full = [...path, word];
    const entry = index.commands.find((each) => each.path.join(' ') === full.join(' '));
    return { value: word, about: entry?.summary ?? index.groups[full.join(' ')]?.summary ?? '' };
  });
  const help = path.length === 0 ? [{ value: 'help', about: 'Shows the commands, or the options of one' }] : [];
  return { suggestions: [...words, ...help], files: false };
}

interface InsideCommand {
  readonly details: CommandDetails;
  /** The words between the command's own and the current one. */
  readonly behind: readonly string[];
  readonly current: string;
  readonly sources: CompletionSources;
}

async function insideCommand(where: InsideCommand): Promise<Completion> {
  const { details, behind, current, sources } = where;
  if (behind.includes('--')) return FILES;
  const last = optionNamed(details, behind.at(-1) ?? '');
  if (last !== undefined && last.valueName !== null) return valuesOf(last, sources, '');
  const [, flag = ''] = /^(--[^=]+)=/.exec(current) ?? [];
  const bound = optionNamed(details, flag);
  if (bound !== undefined && bound.valueName !== null) return valuesOf(bound, sources, `${flag}=`);
  if (current.startsWith('-')) return { suggestions: optionSuggestions(details, behind), files: false };
  const name = details.args[argumentCount(details, behind)];
  if (name !== undefined) return argumentSuggestions(name, sources);
  return { suggestions: details.takesRest ? [] : optionSuggestions(details, behind), files: false };
}

function optionNamed({ options }: CommandDetails, flag: string): IndexedOption | undefined {
  return options.find(({ flags }) => flags.includes(flag));
}

function argumentCount(details: CommandDetails, behind: readonly string[]): number {
  const isValue = (at: number): boolean => (optionNamed(details, behind[at - 1] ?? '')?.valueName ?? null) !== null;
  return behind.filter((word, at) => !word.startsWith('-') && !isValue(at)).length;
}

/** Long names of the options that can still be given. */
function optionSuggestions({ options }: CommandDetails, behind: readonly string[]): Suggestion[] {
  const given = new Set(behind.map((word) => word.split('=')[0] ?? word));
  const open = options.filter(
    ({ flags, repeatable, hidden }) => !hidden && (repeatable || !flags.some((flag) => given.has(flag))),
  );
  return [...open.map(({ flags, help }) => ({ value: flags.at(-1) ?? '', about: help })), HELP_OPTION];
}

const HELP_OPTION: Suggestion = { value: '--help', about: 'shows what the command takes' };

async function valuesOf(option: IndexedOption, sources: CompletionSources, before: string): Promise<Completion> {
  if (option.values.length > 0)
    return { suggestions: option.values.map((value) => ({ value: before + value, about: '' })), files: false };
  if (isRun(option.valueName ?? '')) return { suggestions: await runSuggestions(sources, before), files: false };
  return isFile(option.valueName ?? '') ? FILES : NOTHING;
}

async function argumentSuggestions(name: string, sources: CompletionSources): Promise<Completion> {
  if (/^[a-z]+(\|[a-z]+)+$/.test(name))
    return { suggestions: name.split('|').map((value) => ({ value, about: '' })), files: false };
  return { suggestions: isRun(name) ? await runSuggestions(sources, '') : [], files: isFile(name) };
}

async function runSuggestions(sources: CompletionSources, before: string): Promise<Suggestion[]> {
  return (await sources.runs()).flatMap(({ run, name, about }) => [
    ...(name === null ? [] : [{ value: before + name, about: `${run}, ${about}` }]),
    { value: before + run, about: name === null ? about : `${name}, ${about}` },
  ]);
}

/** Names of arguments and values say what stands there: `DIR|RUN`. */
function isRun(name: string): boolean {
  return /\bRUN\b/.test(name);
}

function isFile(name: string): boolean {
  return /\b(script|FILE|DIR|DIRECTORY|FOLDER|PATH|SCRIPT|SOURCE|DESTINATION|CHECKPOINT)\b/.test(name);
}
