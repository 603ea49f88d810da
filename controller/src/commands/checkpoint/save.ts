import type { SaveEvent } from '@runctl/protocol/events';
import { Command, Option } from 'clipanion';
import { formatBytes } from '@runctl/core';
import { RunctlCommand } from '../../options/command.ts';
import { option } from '../../options/declaration/option.ts';
import { waitingOptions } from '../../options/declared/waiting-options.ts';
import type { SaveResult } from '@runctl/operations/checkpoint';

export class CheckpointSaveCommand extends RunctlCommand {
  static override paths = [['checkpoint', 'save']];
  static override usage = Command.Usage({
    description: 'Makes everything that a running script has finished saving durable now, and waits for it.',
    details:
      'The script is not signalled and goes on training: it saves when it saves. What it has written completely is uploaded\n' +
      'at once instead of at the next look. To make a script save, stop it (`runctl stop`) and resume it.',
    examples: [['before closing the laptop', '$0 checkpoint save r-abc']],
  });

  runText = Option.String({ name: 'RUN' });
  timeout = option({ ...waitingOptions.timeout, default: '10m' });

  protected async run(): Promise<number> {
    const { timeout: timeoutMs } = this;
    const { cloud } = await this.connect();
    try {
      const { resolveRun } = await import('@runctl/operations/run');
      const { saveNow } = await import('@runctl/operations/checkpoint');
      const { clock, user, interrupted: signal } = this.context;
      const run = await resolveRun(cloud.store, this.runText);
      const saving = saveNow({ cloud, clock, user }, { run, timeoutMs, signal });
      let step = await saving.next();
      for (; step.done !== true; step = await saving.next()) this.show(step.value);
      this.end(run, step.value);
      return 0;
    } finally {
      cloud.close();
    }
  }

  private show(event: SaveEvent): void {
    if (this.json) return this.printJson(event);
    if (event.type === 'asked') {
      const { owner, step, durableStep } = event;
      return this.note(`asked ${owner}; step ${step ?? 'unknown'}, durable ${durableStep ?? 'nothing'}`);
    }
    this.note(`uploading: ${formatBytes(event.sentBytes)} of ${formatBytes(event.sizeBytes)}`);
  }

  private end(run: string, result: SaveResult): void {
    if (this.json) return this.printJson({ type: 'saved', run, ...result });
    const { durableStepBefore, durableStep, savedAt, step, notDurable } = result;
    for (const each of notDurable) this.note(`not durable: ${each}`);
    if (durableStep === null && savedAt === null) return this.print(`${run} has saved nothing yet that is complete`);
    const same = durableStep === durableStepBefore;
    const news = same ? `is durable already; the script has finished no newer one` : 'is durable now';
    const behind = step !== null && durableStep !== null && step > durableStep ? ` (it is at step ${step})` : '';
    this.print(`step ${durableStep ?? 'unknown'} of ${run}, written ${savedAt ?? 'some time ago'}, ${news}${behind}`);
  }
}
