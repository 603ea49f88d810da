import type { StopEvent } from '@runctl/protocol/events';
import { Command, Option } from 'clipanion';
import { RunctlCommand } from '../options/command.ts';
import { option } from '../options/declaration/option.ts';
import { checkpointOptions } from '../options/declared/checkpoint-options.ts';
import type { Cloud } from '@runctl/operations';

export class StopCommand extends RunctlCommand {
  static override paths = [['stop']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Ends a run: its script may save first, then its machine goes.',
    details: 'Returns when nothing of it costs money any more. `runctl resume` goes on from the last checkpoint.',
    examples: [['stop and give the script only 20 seconds', '$0 stop r-abc --grace 20s']],
  });

  runText = Option.String({ name: 'RUN' });
  grace = option({
    flag: '--grace',
    schema: checkpointOptions.grace.schema,
    help: 'time the script has after SIGTERM',
    group: 'checkpoints',
    defaultText: '90s',
  });

  protected async run(): Promise<number> {
    const { cloud } = await this.connect();
    try {
      return await this.stop(cloud, this.grace ?? null);
    } finally {
      cloud.close();
    }
  }

  private async stop(cloud: Cloud, graceMs: number | null): Promise<number> {
    const { resolveRun } = await import('@runctl/operations/run');
    const { stopRun } = await import('@runctl/operations/stop');
    const { stopLine } = await import('../render/stop.ts');
    const { clock, user, interrupted: signal, colour } = this.context;
    const run = await resolveRun(cloud.store, this.runText);
    const show = (event: StopEvent): void => {
      if (this.json) return void (event.type === 'log-bytes' || this.printJson(event));
      const line = stopLine(event, colour);
      if (line !== null) this.note(line);
    };
    const stopping = stopRun({ cloud, clock, user }, { run, graceMs, signal });
    let step = await stopping.next();
    for (; step.done !== true; step = await stopping.next()) show(step.value);
    if (step.value === null) return this.stoppedOlder(run);
    const { status, message, durableStep } = step.value;
    const durable = durableStep === null ? 'nothing is durable' : `durable step ${durableStep}`;
    if (this.json) this.printJson({ type: 'stopped', run, status, message, durableStep });
    else this.print(`${run} ${status}: ${message}; ${durable}`);
    return 0;
  }

  private stoppedOlder(run: string): number {
    const message = 'an older runctl launched it; its machines are ended, and that runctl can resume it';
    if (this.json) this.printJson({ type: 'stopped', run, status: 'older', message, durableStep: null });
    else this.print(`${run}: ${message}`);
    return 0;
  }
}
