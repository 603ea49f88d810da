import { Command, Option } from 'clipanion';
import { RunctlError, formatBytes, formatDuration } from '@runctl/core';
import { resolve } from 'node:path';
import { RunctlCommand } from '../../options/command.ts';
import type { Cloud } from '@runctl/operations';
import { option } from '../../options/declaration/option.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { numberIn } from '../../options/values/numbers.ts';
import { textThat } from '../../options/values/texts.ts';
import type { PullOptions } from '@runctl/operations/checkpoint';

export class CheckpointPullCommand extends RunctlCommand {
  static override paths = [['checkpoint', 'pull']];
  static override usage = Command.Usage({
    description: 'Brings a checkpoint of a run into a folder of this computer.',
    details:
      'Every part is held against its hash as it arrives; the checkpoint is put in place when it is whole. Without a choice\n' +
      'it is the newest that can be restored, and what was passed over is said with why. What stands in the way is moved\n' +
      'aside, never deleted. Interrupted, the same command goes on where it stopped.',
    examples: [
      ['the newest, into a folder named as the run', '$0 checkpoint pull r-abc'],
      ['that of step 12000', '$0 checkpoint pull r-abc ./ckpt --step 12000'],
    ],
  });

  runText = Option.String({ name: 'RUN' });
  folder = Option.String({ name: 'DIR', required: false });
  step = option({
    flag: '--step',
    schema: numberIn({ least: 0, example: 12_000 }),
    help: 'the checkpoint of this step, and no other',
    group: 'checkpoints',
  });
  manifest = option({
    flag: '--manifest',
    schema: textThat({
      takes: 'GENERATION-SEQUENCE, as `checkpoint list` shows it',
      example: '1-12',
      valueName: 'GENERATION-SEQUENCE',
      pattern: /^\d+-\d+$/,
    }),
    help: 'the one that `checkpoint list` shows as GENERATION-SEQUENCE',
    group: 'checkpoints',
  });
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would come' });

  protected async run(): Promise<number> {
    const { step } = this;
    if (step !== undefined && this.manifest !== undefined)
      throw new RunctlError('usage', '--step and --manifest exclude each other');
    if (this.folder === '')
      throw new RunctlError('usage', 'DIR is empty', {
        hint: 'name a folder, or leave it out for one named as the run',
      });
    const { cloud } = await this.connect();
    try {
      const { resolveRun } = await import('@runctl/operations/run');
      const { chosenManifest } = await import('@runctl/operations/checkpoint');
      const { clock, interrupted: signal, cwd } = this.context;
      const run = await resolveRun(cloud.store, this.runText);
      const choice = {
        ...(step === undefined ? {} : { step }),
        ...(this.manifest === undefined ? {} : { manifest: this.manifest }),
      };
      const manifestKey = await chosenManifest({ store: cloud.store, run, signal }, choice);
      const folder = resolve(cwd, this.folder ?? run);
      const { lockFolder: lock } = await import('../../adapters/folder-lock.ts');
      const options = { store: cloud.store, run, folder, manifestKey, clock, log: this.log, signal, lock };
      return this.dryRun ? await this.rehearse(options) : await this.pull(cloud, options);
    } finally {
      cloud.close();
    }
  }

  private async rehearse(options: PullOptions): Promise<number> {
    const { lookAtCheckpoint } = await import('@runctl/operations/checkpoint');
    const { manifest, manifestKey, warnings } = await lookAtCheckpoint(options);
    const bytes = manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (this.json) {
      const files = manifest.files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 }));
      this.printJson({
        type: 'would-pull',
        manifest: manifestKey,
        step: manifest.step,
        folder: options.folder,
        bytes,
        files,
        warnings,
      });
      return 0;
    }
    for (const warning of warnings) this.note(`warning: ${warning}`);
    const files = filesOf(manifest.files.length);
    for (const { path, sizeBytes } of manifest.files) this.print(`${formatBytes(sizeBytes).padStart(10)}  ${path}`);
    this.print(
      `would bring step ${manifest.step ?? 'unknown'}: ${files}, ${formatBytes(bytes)}, to ${options.folder}; nothing was changed`,
    );
    return 0;
  }

  private async pull(cloud: Cloud, options: PullOptions): Promise<number> {
    const { pullCheckpoint } = await import('@runctl/operations/checkpoint');
    const { progressShower } = await import('../../render/transfer.ts');
    const { stderr, interactive, clock } = this.context;
    const shower = progressShower({ stderr, interactive, clock });
    const pulling = pullCheckpoint(options);
    let event = await pulling.next();
    for (; event.done !== true; event = await pulling.next())
      if (this.json) this.printJson(event.value);
      else shower.show(event.value);
    shower.clear();
    const { manifest, manifestKey, entryPath, warnings, rejected, tookMs } = event.value;
    const bytes = manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (this.json) {
      const { step } = manifest;
      this.printJson({
        type: 'pulled',
        run: options.run,
        manifest: manifestKey,
        step,
        entryPath,
        bytes,
        warnings,
        rejected,
        tookMs: Math.round(tookMs),
      });
      return 0;
    }
    const files = filesOf(manifest.files.length);
    for (const warning of warnings) this.note(`warning: ${warning}`);
    this.print(
      `step ${manifest.step ?? 'unknown'} of ${options.run} from ${cloud.store.location}: ${files}, ${formatBytes(bytes)}, verified, in ${formatDuration(tookMs)}`,
    );
    this.print(entryPath);
    return 0;
  }
}

function filesOf(count: number): string {
  return `${count} file${count === 1 ? '' : 's'}`;
}
