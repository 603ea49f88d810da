import type { StopEvent } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import { RunctlCommand } from '../options/command.ts';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { stopOptions } from '../options/declared/checkpoint-options.ts';
import { resultOf } from '../options/result-of.ts';

const ALREADY_STOPPING =
  'the run is being stopped, whoever watches: Ctrl-C again ends the script at once, and what it has not saved by then is lost; what it saved is still uploaded';

export class StopCommand extends RunctlCommand {
  static override paths = [['stop']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Ends a run: its script may save first, then its machine goes.',
    details:
      'Returns when nothing of it costs money any more. `runctl resume` goes on from the last checkpoint.\n' +
      'A script that catches SIGTERM has 5 minutes to begin its save (90 s where nothing catches it), and is then left alone\n' +
      'as long as it wrote something in the last 30 s, up to 15 minutes; --grace replaces these limits. A second Ctrl-C ends it at once; what it saved is still uploaded before\n' +
      'its machine goes. Where no agent is alive, the machine is ended from here, with whatever is not in the bucket yet.',
    examples: [['stop and give the script only 20 seconds', '$0 stop r-abc --grace 20s']],
  });

  runText = argument('RUN');
  grace = option(stopOptions.grace);

  protected run(): Promise<number> {
    return this.withRun(this.runText, async ({ cloud, run }) => {
      const { stopRun } = await import('@runctl/operations/stop');
      const { stopLine, stopped } = await import('../render/stop.ts');
      const { clock, user, interrupted: signal, colour } = this.context;
      const hurry = new AbortController();
      const release: (() => void)[] = [];
      const onInterrupt = (press: number): void => (press === 1 ? this.note(ALREADY_STOPPING) : hurry.abort());
      const show = (event: StopEvent): void => {
        if (event.type === 'asked') release.push(this.context.takeInterrupts(onInterrupt));
        if (this.json) return void (event.type === 'log-bytes' || this.printJson(event));
        const line = stopLine(event, colour);
        if (line !== null) this.note(line);
      };
      const stopping = stopRun(
        { cloud, clock, user },
        { run, graceMs: this.grace ?? null, signal, hurry: hurry.signal },
      );
      const outcome = await resultOf(stopping, show).finally(() => release.forEach((each) => each()));
      const { event, text } = stopped(run, outcome);
      this.printResult(event, text);
      return 0;
    });
  }
}
