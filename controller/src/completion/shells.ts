import type { Completion } from './suggestions.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/**
 * The words as the shell's function gives them, the current one last. Bash takes words apart at `=` and `:`; they are put
 * together again.
 */
export function wordsFrom(shell: Shell, words: readonly string[]): readonly string[] {
  if (shell !== 'bash') return words;
  const joined: string[] = [];
  let isOpen = false;
  for (const word of words) {
    const isBreak = /^[=:]+$/.test(word);
    if ((isBreak || isOpen) && joined.length > 0) joined.push(`${joined.pop() ?? ''}${word}`);
    else joined.push(word);
    isOpen = isBreak;
  }
  return joined;
}

/**
 * The answer to the shell's function: `files` or `none` on the first line, then a suggestion a line, with what it is about
 * behind a tab.
 */
export function answerFor(shell: Shell, current: string, { suggestions, files }: Completion): string {
  // Bash replaces only what stands behind the last `=` or `:`.
  const cut = shell === 'bash' ? Math.max(current.lastIndexOf('='), current.lastIndexOf(':')) + 1 : 0;
  const lines = suggestions.map(({ value, about }) => `${value.slice(cut)}\t${about.replaceAll(/\s+/g, ' ')}`);
  return `${[files ? 'files' : 'none', ...lines].join('\n')}\n`;
}

/** The script that a shell reads to complete `runctl`: it asks `runctl complete`, so it fits every later version too. */
export function completionScript(shell: Shell): string {
  return { bash, zsh, fish }[shell];
}

const bash = `_runctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" program="\${COMP_WORDS[0]/#\\~/$HOME}" kind=none value about
  COMPREPLY=()
  {
    IFS= read -r kind
    while IFS=$'\\t' read -r value about; do COMPREPLY+=("$value"); done
  } < <("$program" complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "$kind" = files ]; then
    case "$current" in = | :) current= ;; esac
    compopt -o filenames 2>/dev/null
    while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$current")
  fi
}
complete -F _runctl runctl
`;

const zsh = `#compdef runctl
_runctl() {
  local program="\${words[1]/#\\~/$HOME}" line
  local -a lines described
  lines=("\${(@f)$("$program" complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( $#described )) && _describe -V runctl described
  if [[ $lines[1] == files ]]; then
    compset -P '--*='
    _files
  fi
}
if [[ $funcstack[1] == _runctl ]]; then
  _runctl "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _runctl runctl
fi
`;

const fish = `function __runctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] complete fish -- $words[2..-1] "$current" 2>/dev/null)
    for line in $answer[2..-1]
        echo $line
    end
    if test "$answer[1]" = files
        __fish_complete_path "$current"
    end
end
complete -c runctl -f -a '(__runctl_complete)'
`;
