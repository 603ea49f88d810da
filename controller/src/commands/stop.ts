import type { StopEvent } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import { RunctlCommand } from '../options/command.ts';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { stopOptions } from '../options/declared/checkpoint-options.ts';
import { resultOf } from '../options/result-of.ts';

export class StopCommand extends RunctlCommand {
  static override paths = [['stop']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Ends a run: its script may save first, then its machine goes.',
    details: 'Returns when nothing of it costs money any more. `runctl resume` goes on from the last checkpoint.',
    examples: [['stop and give the script only 20 seconds', '$0 stop r-abc --grace 20s']],
  });

  runText = argument('RUN');
  grace = option(stopOptions.grace);

  protected run(): Promise<number> {
    return this.withRun(this.runText, async ({ cloud, run }) => {
      const { stopRun } = await import('@runctl/operations/stop');
      const { stopLine, stopped } = await import('../render/stop.ts');
      const { clock, user, interrupted: signal, colour } = this.context;
      const show = (event: StopEvent): void => {
        if (this.json) return void (event.type === 'log-bytes' || this.printJson(event));
        const line = stopLine(event, colour);
        if (line !== null) this.note(line);
      };
      const stopping = stopRun({ cloud, clock, user }, { run, graceMs: this.grace ?? null, signal });
      const { event, text } = stopped(run, await resultOf(stopping, show));
      this.printResult(event, text);
      return 0;
    });
  }
}
