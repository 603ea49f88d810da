import { Command, Option } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import { RunctlCommand } from '../options/command.ts';
import { durationOption, numberOption } from '../options/option-values.ts';

export class LogsCommand extends RunctlCommand {
  static override paths = [['logs']];
  static override usage = Command.Usage({
    description: "Prints what a run's script wrote, over all its attempts.",
    details:
      'It is read from the bucket, so it works when the machine is gone. Nothing is lost or printed twice; a gap is said.',
    examples: [
      ['go on printing as it comes', '$0 logs -f r-abc'],
      ['what was shipped in the last ten minutes', '$0 logs r-abc --since 10m'],
    ],
  });

  runText = Option.String({ name: 'RUN' });
  follow = Option.Boolean('-f,--follow', false, { description: 'go on until the run ends' });
  since = Option.String('--since', { description: 'only what was shipped in this time, such as 10m' });
  tail = Option.String('--tail', { description: 'only the last lines' });

  protected async run(): Promise<number> {
    const sinceAgoMs =
      this.since === undefined ? null : durationOption('--since', this.since, { example: '90s, 10m or 2h' });
    const lines = this.tail === undefined ? null : numberOption('--tail', this.tail, { min: 0, example: 100 });
    if (lines !== null && sinceAgoMs !== null) throw new RunctlError('usage', '--tail and --since exclude each other');
    const { cloud } = await this.connect();
    try {
      const { resolveRun } = await import('@runctl/operations/run');
      const { showLog } = await import('@runctl/operations/log');
      const { createLogView } = await import('../render/log-view.ts');
      const { clock, interrupted: signal, stdout } = this.context;
      const run = await resolveRun(cloud.store, this.runText);
      const view = createLogView({ stdout, json: this.json, colour: this.context.colour });
      const options = { cloud, run, clock, signal, follow: this.follow, sinceAgoMs, lines };
      try {
        for await (const event of showLog(options)) view.show(event);
      } catch (error) {
        if (!signal.aborted) throw error;
        view.end();
        this.noteDetached(run, command('logs', '-f', run));
        return 130;
      }
      view.end();
      return 0;
    } finally {
      cloud.close();
    }
  }
}
