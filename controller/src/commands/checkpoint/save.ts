import type { SaveEvent } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import { RunctlCommand } from '../../options/command.ts';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { waitingOptions } from '../../options/declared/waiting-options.ts';
import { resultOf } from '../../options/result-of.ts';

export class CheckpointSaveCommand extends RunctlCommand {
  static override paths = [['checkpoint', 'save']];
  static override usage = Command.Usage({
    description: 'Makes everything that a running script has finished saving durable now, and waits for it.',
    details:
      'The script is not signalled and goes on training: it saves when it saves. What it has written completely is uploaded\n' +
      'at once instead of at the next look. To make a script save, stop it (`runctl stop`) and resume it.',
    examples: [['before closing the laptop', '$0 checkpoint save r-abc']],
  });

  runText = argument('RUN');
  timeout = option({ ...waitingOptions.timeout, default: '10m' });

  protected run(): Promise<number> {
    return this.withRun(this.runText, async ({ cloud, run }) => {
      const { saveNow } = await import('@runctl/operations/checkpoint');
      const { savedText, savingLine } = await import('../../render/saved.ts');
      const { clock, user, interrupted: signal } = this.context;
      const saving = saveNow({ cloud, clock, user }, { run, timeoutMs: this.timeout, signal });
      const show = (event: SaveEvent): void => (this.json ? this.printJson(event) : this.note(savingLine(event)));
      const result = await resultOf(saving, show);
      if (!this.json) for (const each of result.notDurable) this.note(`not durable: ${each}`);
      this.printResult({ type: 'saved', run, ...result }, savedText(run, result));
      return 0;
    });
  }
}
