import type { ProgressEvent } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import { resolve } from 'node:path';
import type { OutputPullOptions, PullOptions } from '@runctl/operations/checkpoint';
import { RunctlCommand } from '../../options/command.ts';
import { argument, optionalArgument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { pullOptions } from '../../options/declared/checkpoint-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { resultOf } from '../../options/result-of.ts';

export class CheckpointPullCommand extends RunctlCommand {
  static override paths = [['checkpoint', 'pull']];
  static override usage = Command.Usage({
    description: 'Brings a checkpoint of a run into a folder of this computer.',
    details:
      'Every part is held against its hash as it arrives; the checkpoint is put in place when it is whole. Without a choice\n' +
      'it is the newest that can be restored, and what was passed over is said with why. What stands in the way is moved\n' +
      'aside, never deleted. Interrupted, the same command goes on where it stopped. With --output it is the output folder of\n' +
      'the run instead (--output-dir of the launch), as the run kept it last, and what it saved last that was no whole\n' +
      'checkpoint, into RUN-output unless a folder is named.',
    examples: [
      ['the newest, into a folder named as the run', '$0 checkpoint pull r-abc'],
      ['that of step 12000', '$0 checkpoint pull r-abc ./ckpt --step 12000'],
      ['what the run keeps of its --output-dir', '$0 checkpoint pull r-abc ./results --output'],
    ],
  });

  runText = argument('RUN');
  folder = optionalArgument('DIR');
  keptOutput = option(pullOptions.output);
  step = option(pullOptions.step);
  manifest = option(pullOptions.manifest);
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would come' });

  protected run(): Promise<number> {
    const { step, manifest, folder, keptOutput } = this;
    if (keptOutput && (step !== undefined || manifest !== undefined))
      throw new RunctlError('usage', '--output brings no checkpoint, so --step and --manifest say nothing');
    if (step !== undefined && manifest !== undefined)
      throw new RunctlError('usage', '--step and --manifest exclude each other');
    return this.withRun(this.runText, async ({ cloud: { store }, run }) => {
      const { lockFolder: lock } = await import('../../adapters/folder-lock.ts');
      const { clock, interrupted: signal, cwd } = this.context;
      const place = resolve(cwd, folder ?? (keptOutput ? `${run}-output` : run));
      const common = { store, run, folder: place, clock, log: this.log, signal, lock };
      return keptOutput ? this.pullOutput(common) : this.pull({ ...common, choice: { step, manifest } });
    });
  }

  private async pullOutput(options: OutputPullOptions): Promise<number> {
    const { keptOutputOf, pullOutput } = await import('@runctl/operations/checkpoint');
    const { progressShower } = await import('../../render/transfer.ts');
    const { pulledOutput, wouldPullOutput } = await import('../../render/pulled.ts');
    const shower = progressShower(this.context);
    const show = (event: ProgressEvent): void => (this.json ? this.printJson(event) : shower.show(event));
    const { event, text, warnings } = this.dryRun
      ? wouldPullOutput(await keptOutputOf(options), options.folder)
      : pulledOutput(await resultOf(pullOutput(options), show), options.store);
    shower.clear();
    this.warn(warnings);
    this.printResult(event, text);
    return 0;
  }

  private async pull(options: PullOptions): Promise<number> {
    const { hasOutput, lookAtCheckpoint, pullCheckpoint } = await import('@runctl/operations/checkpoint');
    const { progressShower } = await import('../../render/transfer.ts');
    const { pulled, wouldPull } = await import('../../render/pulled.ts');
    const shower = progressShower(this.context);
    const show = (event: ProgressEvent): void => (this.json ? this.printJson(event) : shower.show(event));
    const { event, text, warnings } = this.dryRun
      ? wouldPull(await lookAtCheckpoint(options), options.folder)
      : pulled(await resultOf(pullCheckpoint(options), show), options);
    shower.clear();
    this.warn(warnings);
    this.printResult(event, text);
    if (!this.json && (await hasOutput(options)))
      this.note(
        `the run has kept output too: ${this.writeCommand(command('checkpoint pull', options.run, '--output'))}`,
      );
    return 0;
  }
}
