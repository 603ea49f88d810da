import { shownRow } from './style.ts';

/** Columns as wide as their widest cell, two spaces apart, no trailing blanks, a line for each row whatever its cells hold. Empty for no rows. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  if (rows.length === 0) return '';
  const all = [head, ...rows.map((row) => row.map(shownRow))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => visibleLength(row[column] ?? ''))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - visibleLength(cell))))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9]+m`, 'g');

function visibleLength(text: string): number {
  return text.replaceAll(ESCAPES, '').length;
}
