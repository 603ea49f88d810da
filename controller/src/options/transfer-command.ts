import type { TransferEvent, TransferResult } from '@runctl/protocol/events';
import { RunctlError } from '@runctl/core';
import type { PathFilter } from '@runctl/store';
import { RunctlCommand, type Connected } from './command.ts';
import type { BucketPlace } from '@runctl/operations/transfer';
import type { TransferView } from '../render/transfer.ts';
import { option } from './declaration/option.ts';
import { fileOptions } from './declared/file-options.ts';
import { outputOptions } from './declared/output-options.ts';

/** A command that works on a place in a bucket: the configured one, or that of an `s3://` address. */
export abstract class BucketCommand extends RunctlCommand {
  /** An address names the whole key; a bare path lies below the configured prefix. */
  protected connectTo(place: BucketPlace): Promise<Connected> {
    return this.connect(place.bucket === null ? {} : { bucket: place.bucket, prefix: '' });
  }

  /** Asks once before something that can't be undone. Errors: `declined`, also where nobody can be asked. */
  protected async askBefore(question: string): Promise<void> {
    const { interactive, services, interrupted } = this.context;
    if (!interactive)
      throw new RunctlError('declined', `not confirmed: ${question}`, {
        hint: 'add --yes to do it without being asked, or --dry-run to see all of it',
      });
    if (!(await services.ask(question, interrupted))) throw new RunctlError('declined', 'nothing was deleted');
  }
}

/** What all commands that move files share. */
export abstract class TransferCommand extends BucketCommand {
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would be moved or deleted, and why' });
  include = option(fileOptions.include);
  exclude = option(fileOptions.exclude);
  parallel = option(fileOptions.parallel);
  useS5cmd = option(fileOptions.useS5cmd);

  /** Says once what happens instead of what options without effect ask for. */
  protected noteWithoutEffect(): void {
    for (const [option, instead] of this.withoutEffect()) this.note(`${option} has no effect: ${instead}`);
  }

  protected withoutEffect(): readonly (readonly [option: string, instead: string])[] {
    return this.useS5cmd ? [['--use-s5cmd', 'the built-in engine moves the files']] : [];
  }

  protected async filter(): Promise<PathFilter> {
    const { pathFilter } = await import('@runctl/store');
    return pathFilter({ include: this.include, exclude: this.exclude });
  }

  protected concurrency(): { readonly concurrency?: number } {
    return this.parallel === undefined ? {} : { concurrency: this.parallel };
  }

  protected async transferView(): Promise<TransferView> {
    const { createTransferView } = await import('../render/transfer.ts');
    const { stdout, stderr, colour, clock, interactive } = this.context;
    const { json, verbose } = this;
    this.noteWithoutEffect();
    return createTransferView({ stdout, stderr, colour, clock, interactive, json, verbose });
  }

  /** Shows a transfer to its end. Errors: those of the transfer, `transfer-incomplete` and `file-unreadable` at its end. */
  protected async follow(
    moving: AsyncGenerator<TransferEvent, TransferResult>,
    what: { readonly from: string; readonly to: string },
  ): Promise<number> {
    const view = await this.transferView();
    let step = await moving.next();
    for (; step.done !== true; step = await moving.next()) view.show(step.value);
    view.ended(step.value, { ...what, dryRun: this.dryRun });
    const { incomplete } = await import('@runctl/operations/transfer');
    const problem = this.dryRun ? null : incomplete(step.value);
    if (problem !== null) throw problem;
    return 0;
  }
}
