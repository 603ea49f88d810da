export interface Styles {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const ESCAPE = String.fromCharCode(27);
const wrap = (on: number, off: number) => (text: string) => `${ESCAPE}[${on}m${text}${ESCAPE}[${off}m`;
const plain = (text: string): string => text;

const coloured: Styles = {
  bold: wrap(1, 22),
  dim: wrap(2, 22),
  red: wrap(31, 39),
  green: wrap(32, 39),
  yellow: wrap(33, 39),
  cyan: wrap(36, 39),
};
const uncoloured: Styles = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

/** Text reads well without colour; a pipe and NO_COLOR turn it off. */
export function styles(colour: boolean): Styles {
  return colour ? coloured : uncoloured;
}

const FIRST_PRINTABLE = 0x20;
const isControl = (code: number): boolean => code < FIRST_PRINTABLE || (code >= 0x7f && code < 0xa0);

/** A name that somebody else gave, on one line: what would end it or command the terminal is written out, as `\\x1b`. */
export function shownName(name: string): string {
  return Array.from(name, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return isControl(code) ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }).join('');
}

/** A row with what others wrote in it: no line end in it begins another row. `shownText` takes care of what else is in it. */
export function shownRow(row: string): string {
  return row.replaceAll('\n', '\\x0a');
}

/** Line ends, tabs, and the styles above, which a forged text may borrow and can do no harm with. */
const HARMLESS = new RegExp(`[\\n\\t]|${ESCAPE}\\[(?:1|2|22|3[1236]|39)m`, 'g');

/**
 * Text for people with what others wrote in it (a message or a name in the bucket, which a training script can write): any
 * other control character is written out, as `\\x1b`, and so can't command the terminal.
 */
export function shownText(text: string): string {
  let shown = '';
  let from = 0;
  for (const { index, 0: harmless } of text.matchAll(HARMLESS)) {
    shown += shownName(text.slice(from, index)) + harmless;
    from = index + harmless.length;
  }
  return shown + shownName(text.slice(from));
}
