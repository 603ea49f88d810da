import type { CommandSummary } from '../catalog/command-entry.ts';

const GLOBAL_OPTIONS = ['--help', '--json', '--sandbox', '--verbose', '--config'];

/** A script that completes these commands, their subcommands and global options; null for an unknown shell. */
export function completionScript(shell: string, commands: readonly CommandSummary[]): string | null {
  const shown = commands.filter((entry) => !entry.hidden);
  const first = [...new Set(shown.map((entry) => entry.path[0] ?? ''))];
  const groups = first
    .map((word) => ({
      word,
      subcommands: shown
        .filter((entry) => entry.path[0] === word && entry.path.length > 1)
        .map((entry) => entry.path[1] ?? ''),
    }))
    .filter((group) => group.subcommands.length > 0);
  switch (shell) {
    case 'bash':
      return bash(first, groups);
    case 'zsh':
      return `#compdef runctl\nautoload -U bashcompinit && bashcompinit\n${bash(first, groups)}`;
    case 'fish':
      return fish(first, groups);
    default:
      return null;
  }
}

interface Group {
  readonly word: string;
  readonly subcommands: readonly string[];
}

function bash(first: readonly string[], groups: readonly Group[]): string {
  const cases = groups.map((group) => `    ${group.word}) words="${group.subcommands.join(' ')}" ;;`).join('\n');
  return `_runctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${first.join(' ')}"
  else
    case "\${COMP_WORDS[1]}" in
${cases}
    esac
    [ "$COMP_CWORD" -gt 2 ] && words=""
    case "$current" in -*) words="${GLOBAL_OPTIONS.join(' ')}" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _runctl runctl
`;
}

function fish(first: readonly string[], groups: readonly Group[]): string {
  const lines = [
    `complete -c runctl -n __fish_use_subcommand -f -a "${first.join(' ')}"`,
    ...groups.map(
      (group) =>
        `complete -c runctl -n "__fish_seen_subcommand_from ${group.word}" -f -a "${group.subcommands.join(' ')}"`,
    ),
    ...GLOBAL_OPTIONS.map((option) => `complete -c runctl -l ${option.slice(2)}`),
  ];
  return `${lines.join('\n')}\n`;
}
