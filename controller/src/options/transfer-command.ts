import type { TransferEvent, TransferResult } from '@runctl/protocol/events';
import type { ObjectStore, PathFilter } from '@runctl/store';
import { RunctlCommand, type Connected } from './command.ts';
import type { BucketPlace, FolderPlace } from '@runctl/operations/transfer';
import type { TransferView } from '../render/transfer.ts';
import { resultOf } from './result-of.ts';
import { option, optionValues } from './declaration/option.ts';
import { fileOptions } from './declared/file-options.ts';
import { outputOptions } from './declared/output-options.ts';

/** A command that works on a place in a bucket: the configured one, or that of an `s3://` address. */
export abstract class BucketCommand extends RunctlCommand {
  /** An address names the whole key; a bare path lies below the configured prefix. */
  protected withBucket<T>(place: BucketPlace, use: (connected: Connected) => Promise<T>): Promise<T> {
    return this.withCloud(use, place.bucket === null ? {} : { instead: { bucket: place.bucket, prefix: '' } });
  }

  /** The same for a command about one folder or object. Errors: `usage` for a text that names none. */
  protected async withPlace<T>(text: string, use: (at: ConnectedPlace) => Promise<T>): Promise<T> {
    const { bucketPlace, folderPrefix } = await import('@runctl/operations/transfer');
    const place = bucketPlace(text);
    return this.withBucket(place, ({ cloud }) =>
      use({ store: cloud.store, key: place.key, prefix: folderPrefix(place) }),
    );
  }

  /** Asks once before something that can't be undone. Errors: `declined`, also where nobody can be asked. */
  protected askBefore(question: string): Promise<void> {
    return this.askFirst(question, {
      unasked: `not confirmed: ${question}`,
      hint: 'add --yes to do it without being asked, or --dry-run to see all of it',
      declined: 'nothing was deleted',
    });
  }
}

interface ConnectedPlace {
  readonly store: ObjectStore;
  readonly key: string;
  /** The beginning of all keys in the folder that is meant. */
  readonly prefix: string;
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
    for (const { declaration, value } of optionValues(this)) {
      const { flag, instead } = declaration;
      if (flag === null || instead === undefined || value === undefined) continue;
      this.note(`${value === false ? flag.replace('--', '--no-') : flag} has no effect: ${instead}`);
    }
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

  /** A folder here and one in a bucket, and which files of them count. Errors: `usage` for a text that names none. */
  protected async pairOf(local: string, remote: string): Promise<TransferPair> {
    const { bucketPlace, folderPlace } = await import('@runctl/operations/transfer');
    const there = bucketPlace(remote);
    return { here: folderPlace(local, this.context.cwd), there, filter: await this.filter() };
  }

  /** Sends what is here, or fetches what is there, and shows it to its end. Errors: those of `follow`. */
  protected async move(direction: 'up' | 'down', move: Move): Promise<number> {
    const { here, there, from, to, recursive = false } = move;
    const filter = await this.filter();
    return this.withBucket(there, async ({ cloud: { store } }) => {
      const { gatherDownload, gatherUpload, transfer } = await import('@runctl/operations/transfer');
      const { clock, interrupted: signal } = this.context;
      const { dryRun } = this;
      const where = { store, here, there, filter, signal, dryRun };
      const gathered = direction === 'up' ? await gatherUpload(where) : await gatherDownload({ ...where, recursive });
      const moving = transfer(gathered, { store, clock, signal, direction, dryRun, ...this.concurrency() });
      return this.follow(moving, { from, to });
    });
  }

  /** Shows a transfer to its end. Errors: those of the transfer, `transfer-incomplete` and `file-unreadable` at its end. */
  protected async follow(
    moving: AsyncGenerator<TransferEvent, TransferResult>,
    what: { readonly from: string; readonly to: string },
  ): Promise<number> {
    const view = await this.transferView();
    const result = await resultOf(moving, (event) => view.show(event));
    view.ended(result, { ...what, dryRun: this.dryRun });
    const { incomplete } = await import('@runctl/operations/transfer');
    const problem = this.dryRun ? null : incomplete(result);
    if (problem !== null) throw problem;
    return 0;
  }
}

interface TransferPair {
  readonly here: FolderPlace;
  readonly there: BucketPlace;
  readonly filter: PathFilter;
}

interface Move {
  readonly here: FolderPlace;
  readonly there: BucketPlace;
  /** As the person wrote them. */
  readonly from: string;
  readonly to: string;
  /** The place in the bucket is a folder, even if an object has its name. */
  readonly recursive?: boolean;
}
