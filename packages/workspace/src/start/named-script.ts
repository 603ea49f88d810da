import { basename } from 'node:path';

/** Programs that take a script, with those of their options that take a value. */
const INTERPRETERS: readonly (readonly [program: RegExp, valued: RegExp, inline: RegExp])[] = [
  [/^(?:python|pypy)[\d.]*$/, /^(?:-[bBdEiIOPqRsSuvVx]*[WX]|--check-hash-based-pycs)$/, /^-[bBdEiIOPqRsSuvVx]*[cm]/],
  // `-euo pipefail` is `-e -u -o pipefail`, and `-ce '…'` is `-c -e '…'`.
  [/^(?:ba|da|z|k)?sh$/, /^(?:[-+][a-zA-Z]*[oO][a-zA-Z]*|--rcfile|--init-file)$/, /^-[a-zA-Z]*c[a-zA-Z]*$/],
];
/** Programs before the real command, with those of their options that take a value. */
const BEFORE = /^(?:env|nohup|nice|time|exec|stdbuf|setsid|ionice|xvfb-run)$/;
const VALUED_BEFORE = /^-[unsioec]$/;
/** With it `env` goes to another folder first. */
const ELSEWHERE = /^(?:-[a-z0]*C|--chdir)/;

/** The script that an interpreter among the words of a command runs; null where there is none, or nothing tells. */
export function namedScript(command: readonly string[]): string | null {
  const words = withoutFront(command);
  const [program = '', ...args] = words;
  const known = INTERPRETERS.find(([name]) => name.test(basename(program)));
  if (known === undefined) return null;
  const [, valued, inline] = known;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (inline.test(word) || word === '-' || word === '-s') return null;
    if (valued.test(word)) at += 1;
    else if (!/^[-+]/.test(word)) return word;
  }
  return null;
}

function withoutFront(command: readonly string[]): readonly string[] {
  let words = command;
  while (BEFORE.test(basename(words[0] ?? ''))) {
    let at = 1;
    for (; /^-|^[A-Za-z_]\w*=/.test(words[at] ?? ''); at += 1) {
      if (ELSEWHERE.test(words[at] ?? '')) return [];
      if (VALUED_BEFORE.test(words[at] ?? '')) at += 1;
    }
    words = words.slice(at);
  }
  return words;
}
