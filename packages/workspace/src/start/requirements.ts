import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Start } from './start.ts';

/** Files that say what must be installed before a project runs, each with what tells that it does. */
const FILES: readonly (readonly [name: RegExp, says: RegExp])[] = [
  [/^requirements([-_.]\w+)*\.(txt|in)$/, /^\s*[^#\s-]/m],
  [/^pyproject\.toml$/, /^\s*dependencies\s*=\s*\[\s*["'\n#]|^\[tool\.(poetry\.dependencies|pixi\.dependencies)\]/m],
  [/^(uv|poetry|pdm|pixi)\.lock$/, /\S/],
  [/^(environment|conda)\.ya?ml$/, /^\s*dependencies\s*:/m],
  [/^Pipfile(\.lock)?$/, /\S/],
  [/^setup\.(py|cfg)$/, /install_requires/],
  [/^package\.json$/, /"dependencies"\s*:\s*\{\s*"/],
];

/** Commands that install what a project needs by themselves. */
const INSTALLS =
  /\b(uv|poetry|pipenv|pdm|pixi|hatch|conda|npm|pnpm|yarn)\s+(run|sync|install|env|ci|tool)\b|\bpip3?\s+install\b/;

/** A note on what a project needs and nobody installs; none where nothing is needed, or the command installs it itself. */
export async function requirementNotes({
  project,
  words,
}: Pick<Start, 'project' | 'words'>): Promise<readonly string[]> {
  if (words.kind === 'command' && INSTALLS.test(words.command.join(' '))) return [];
  const beside = project.script === null ? '.' : dirname(project.script);
  const found: string[] = [];
  for (const folder of new Set(['.', beside])) found.push(...(await needsOf(project.root, folder)));
  if (found.length === 0) return [];
  const shown = found.slice(0, 3).join(', ');
  const more = found.length > 3 ? `, and ${found.length - 3} more` : '';
  return [
    `found ${shown}${more}; runctl does not install it yet: take an image (--ami) whose own interpreter has what it names, or let a command install it first, such as -- bash -c "pip install …"`,
  ];
}

async function needsOf(root: string, folder: string): Promise<string[]> {
  const names = (await readdir(join(root, folder)).catch(() => [])).toSorted((a, b) => a.localeCompare(b));
  const found: string[] = [];
  for (const name of names) {
    const says = FILES.find(([pattern]) => pattern.test(name))?.[1];
    if (says === undefined) continue;
    const text = await readFile(join(root, folder, name), 'utf8').catch(() => '');
    if (says.test(text)) found.push(folder === '.' ? name : join(folder, name));
  }
  return found;
}
