import { Command } from 'clipanion';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import { FollowingCommand } from '../options/following-command.ts';

export class WaitCommand extends FollowingCommand {
  static override paths = [['wait']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Waits until a run ends. Exit code: 0 done, 20 the script failed, 21 stopped and resumable.',
    examples: [['for scripts', '$0 wait r-abc --timeout 2h && echo done']],
  });

  runText = argument('RUN');
  timeout = option({
    ...waitingOptions.timeout,
    help: 'give up waiting after this time (exit code 11); the run goes on',
  });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withRun(this.runText, async ({ cloud, run }) => {
      const { waitForRun } = await import('@runctl/operations/follow');
      const { clock, interrupted: signal } = this.context;
      const outcome = await waitForRun({ cloud, run, clock, signal, timeoutMs: this.timeout ?? null });
      return (await this.followView()).ended(run, outcome);
    });
  }
}
