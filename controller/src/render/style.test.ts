import { expect, test } from 'vitest';
import { shownText, styles } from './style.ts';

const ESC = '\u001b';

test.each([
  ['clears the screen', `${ESC}[2J${ESC}[H`, '\\x1b[2J\\x1b[H'],
  ['sets the title', `${ESC}]0;hello\u0007`, '\\x1b]0;hello\\x07'],
  ['writes over its own line', 'failed\rsucceeded', 'failed\\x0dsucceeded'],
  ['takes back characters', 'unsafe\b\b', 'unsafe\\x08\\x08'],
  ['uses the one-byte form', '\u009b2J', '\\x9b2J'],
  ['hides text', `${ESC}[8msecret`, '\\x1b[8msecret'],
])('a forged text that %s is written out', (_, forged, shown) => {
  expect(shownText(`status: ${forged}!`)).toBe(`status: ${shown}!`);
});

test('line ends, tabs and our own colours stay', () => {
  const style = styles(true);
  const text = [
    style.bold('a\tb'),
    style.dim('c'),
    style.red('d'),
    style.green('e'),
    style.yellow('f'),
    style.cyan('ü'),
  ].join('\n');
  expect(shownText(text)).toBe(text);
});
