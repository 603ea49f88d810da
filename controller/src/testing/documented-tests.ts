import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** The cells of each line of a page's tables, without their heads. */
export function tableLines(page: string): readonly (readonly string[])[] {
  const tables = page.split(/\n\n/).filter((block) => block.startsWith('|'));
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim())),
  );
}

/** Why a line that says by which test it is shown cannot be believed, or null: it names a test file and words of a test in it. */
export function problemOf({ what, shownBy }: { readonly what: string; readonly shownBy: string }): string | null {
  const [, path = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(shownBy) ?? [];
  if (!/\.(?:test|e2e)\.ts$/.test(path)) return `${what}: names no test (${shownBy})`;
  if (!existsSync(join(repository, path))) return `${what}: there is no ${path}`;
  return readFileSync(join(repository, path), 'utf8').includes(title)
    ? null
    : `${what}: ${path} has no test '${title}'`;
}
