import { Command, Option } from 'clipanion';
import { completionRequest } from '../completion/answer.ts';
import type { RememberedRun } from '../completion/run-memory.ts';
import { argument } from '../options/declaration/argument.ts';
import { RunListCommand } from '../options/run-list-command.ts';

/** Asks the cloud for runs. What needs no cloud is answered in cli/complete-quickly.ts, before any command is loaded. */
export class CompleteCommand extends RunListCommand {
  static override paths = [['complete']];
  static hidden = true;
  static override usage = Command.Usage({
    category: 'tool',
    description: 'Answers the function that `completion` defines in a shell.',
  });

  shell = argument('bash|zsh|fish');
  words = Option.Rest({ name: 'word' });

  protected async run(): Promise<number> {
    const request = completionRequest([this.shell, ...this.words]);
    const { sandbox, ...rest } = request.place;
    Object.assign(this, { useSandbox: sandbox, ...rest });
    const { commandDetails: details } = await import('../command-index/command-details.ts');
    const sources = { index: this.context.commands, details, runs: () => this.askRuns() };
    this.context.stdout.write(await request.answer(sources));
    return 0;
  }

  /** No completion starts a local cloud. */
  private async askRuns(): Promise<readonly RememberedRun[]> {
    const sandbox = await this.sandboxPlace();
    if (sandbox !== null && (await this.context.services.sandbox.find(sandbox)) === null) return [];
    return this.withCloud(async ({ cloud }) => this.toRemember(await this.listRuns(cloud, 50)));
  }
}
