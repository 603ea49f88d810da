import { Command } from 'clipanion';
import { nearest, RunctlError } from '@runctl/core';
import { completionScript, shells } from '../completion/shells.ts';
import { RunctlCommand } from '../options/command.ts';
import { argument } from '../options/declaration/argument.ts';

export class CompletionCommand extends RunctlCommand {
  static override paths = [['completion']];
  static override usage = Command.Usage({
    category: 'tool',
    description: 'Prints a completion script for bash, zsh or fish.',
    details:
      'It completes commands, options, their values, and runs that `status` has listed lately. With RUNCTL_COMPLETE_REMOTE=1\n' +
      'in the environment runs are asked of the cloud at each completion instead.',
    examples: [
      ['for this bash or zsh session; put it into ~/.bashrc or ~/.zshrc to keep it', 'source <($0 completion bash)'],
      ['for fish, from now on', '$0 completion fish > ~/.config/fish/completions/runctl.fish'],
    ],
  });

  shell = argument('bash|zsh|fish');

  protected run(): Promise<number> {
    const shell = shells.find((each) => each === this.shell);
    if (shell === undefined) {
      const close = nearest(this.shell.toLowerCase(), shells);
      throw new RunctlError('usage', `there is no completion for "${this.shell}"`, {
        hint: close === null ? 'there is one for bash, zsh and fish' : `did you mean ${close}?`,
      });
    }
    this.print(completionScript(shell));
    return Promise.resolve(0);
  }
}
