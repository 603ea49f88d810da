import { Command } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import { durationIn, numberIn } from '../options/values/numbers.ts';
import { RunctlCommand } from '../options/command.ts';
import type { LogView } from '../render/log-view.ts';

const numberOfLines = numberIn({ kind: 'a whole number of lines', least: 0, example: 100 });

export class LogsCommand extends RunctlCommand {
  static override paths = [['logs']];
  static override usage = Command.Usage({
    category: 'runs',
    description: "Prints what a run's script wrote, over all its attempts.",
    details:
      'It is read from the bucket, so it works when the machine is gone. Nothing is lost or printed twice; a gap is said.',
    examples: [
      ['go on printing as it comes', '$0 logs -f r-abc'],
      ['what was shipped in the last ten minutes', '$0 logs r-abc --since 10m'],
    ],
  });

  runText = argument('RUN');
  follow = option(waitingOptions.follow);
  since = option({
    flag: '--since',
    schema: durationIn({ least: '0s', most: '3650d', example: '10m' }),
    help: 'only what was shipped in this time, such as 10m',
    group: 'output',
  });
  tail = option({ flag: '--tail', schema: numberOfLines, help: 'only the last lines', group: 'output' });

  private shown: { readonly run: string; readonly view: LogView } | null = null;

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    const { since: sinceAgoMs = null, tail: lines = null, follow } = this;
    if (lines !== null && sinceAgoMs !== null) throw new RunctlError('usage', '--tail and --since exclude each other');
    return this.withRun(this.runText, async ({ cloud, run }) => {
      const { showLog } = await import('@runctl/operations/log');
      const { createLogView } = await import('../render/log-view.ts');
      const { clock, interrupted: signal, stdout, colour } = this.context;
      const view = createLogView({ stdout, json: this.json, colour });
      this.shown = { run, view };
      for await (const event of showLog({ cloud, run, clock, signal, follow, sinceAgoMs, lines })) view.show(event);
      view.end();
      return 0;
    });
  }

  protected override lastWords(): number {
    const run = this.shown?.run ?? this.runText;
    this.shown?.view.end();
    this.noteDetached(run, command('logs', '-f', run));
    return 130;
  }
}
