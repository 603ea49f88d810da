import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { RunctlCommand } from '../options/command.ts';
import { completionScript } from '../render/completion.ts';
import { argument } from '../options/declaration/argument.ts';

export class CompletionCommand extends RunctlCommand {
  static override paths = [['completion']];
  static override usage = Command.Usage({
    category: 'tool',
    description: 'Prints a completion script for bash, zsh or fish.',
    examples: [['for this bash session', 'source <($0 completion bash)']],
  });

  shell = argument('shell');

  protected run(): Promise<number> {
    const script = completionScript(this.shell, this.context.commands.commands);
    if (script === null)
      throw new RunctlError('usage', `there is no completion for ${this.shell}`, { hint: 'bash, zsh or fish' });
    this.print(script);
    return Promise.resolve(0);
  }
}
