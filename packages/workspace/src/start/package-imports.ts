import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const MOST_BYTES = 1024 * 1024;
const IMPORT =
  /^[ \t]*(?:from[ \t]+(?<from>[\p{L}\p{N}_.]+)[ \t]+import[ \t]*(?<names>\([^)]*\)|(?:\\\r?\n|.)*)|import[ \t]+(?<modules>(?:\\\r?\n|.)*))/gmu;
const IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_]*$/u;
/** What a package has then can't be told from its text. */
const SAYS_NOT_ALL = /import[ \t]+\*|__getattr__/;
const ALL = '*';

/**
 * Whether a script of a folder with an `__init__.py` needs that folder to be a package: it imports relatively, or by the name
 * of the folder what the folder has. An installed package may have the same name.
 */
export async function needsPackage(root: string, script: string, name: string): Promise<boolean> {
  const text = (await readFile(join(root, script), 'utf8')).slice(0, MOST_BYTES);
  const imports = [...text.matchAll(IMPORT)].map(({ groups }) => groups ?? {});
  if (imports.some(({ from }) => from?.startsWith('.') === true)) return true;
  const wanted = imports.flatMap(({ from, names = '', modules = '' }) =>
    from === undefined ? wantedByModules(modules, { name, text }) : wantedFrom(from, { name, names }),
  );
  for (const each of new Set(wanted)) if (await has(root, each)) return true;
  return false;
}

function wantedFrom(module: string, { name, names }: { readonly name: string; readonly names: string }): string[] {
  const [first, second] = module.split('.');
  if (first !== name) return [];
  return second === undefined ? itemsOf(names).map(([item = '']) => item) : [second];
}

/** A package that is imported by its name alone is asked for what the text takes of it. */
function wantedByModules(modules: string, { name, text }: { readonly name: string; readonly text: string }): string[] {
  return itemsOf(modules).flatMap(([module = '', as, alias]) => {
    const [first, second] = module.split('.');
    if (first !== name) return [];
    if (second !== undefined) return [second];
    const local = as === 'as' && alias !== undefined ? alias : name;
    if (!IDENTIFIER.test(local)) return [ALL];
    const uses = new RegExp(String.raw`(?<![\p{L}\p{N}_.])${local}\.([\p{L}_][\p{L}\p{N}_]*)`, 'gu');
    const used = [...text.matchAll(uses)].map(([, attribute = '']) => attribute);
    return used.length === 0 ? [ALL] : used;
  });
}

/** The words of each part of a list of imports. */
function itemsOf(list: string): readonly (readonly string[])[] {
  const plain = list.replaceAll(/#.*/g, '').replaceAll(/[()\\;]/g, ' ');
  return plain.split(',').map((item) => item.trim().split(/\s+/));
}

async function has(root: string, name: string): Promise<boolean> {
  if (name === ALL) return true;
  if (!IDENTIFIER.test(name)) return false;
  if ((await is('file', join(root, `${name}.py`))) || (await is('folder', join(root, name)))) return true;
  const text = (await readFile(join(root, '__init__.py'), 'utf8')).slice(0, MOST_BYTES);
  const word = new RegExp(String.raw`(?<![\p{L}\p{N}_])${name}(?![\p{L}\p{N}_])`, 'u');
  return SAYS_NOT_ALL.test(text) || word.test(text);
}

async function is(kind: 'file' | 'folder', path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return kind === 'file' ? found?.isFile() === true : found?.isDirectory() === true;
}
