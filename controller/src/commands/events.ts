import { Command } from 'clipanion';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import { RunctlCommand } from '../options/command.ts';

export class EventsCommand extends RunctlCommand {
  static override paths = [['events']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Shows what happened to a run, in order: launches, attempts, notices, drains, what the provider says.',
    details: 'Times are those of whoever wrote them down; computers whose clocks differ show it here.',
    examples: [['go on as it happens', '$0 events -f r-abc']],
  });

  runText = argument('RUN');
  follow = option(waitingOptions.follow);

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withRun(this.runText, async ({ cloud, run }) => {
      const { watchEvents } = await import('@runctl/operations/events');
      const { renderEvent } = await import('../render/events.ts');
      const { clock, interrupted: signal, colour } = this.context;
      for await (const event of watchEvents({ cloud, run, clock, signal, follow: this.follow }))
        this.printResult(event, renderEvent(event, colour));
      return 0;
    });
  }
}
