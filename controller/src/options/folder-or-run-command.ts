import type { InspectedFolder } from '@runctl/checkpoint';
import { RunctlCommand } from './command.ts';
import type { Cloud } from '@runctl/operations';
import type { RunCheckpoint } from '@runctl/operations/checkpoint';

/** Where checkpoints are, and what was found there, newest first. */
export type FoundCheckpoints =
  | ({ readonly folder: string } & InspectedFolder)
  | { readonly run: string; readonly cloud: Cloud; readonly checkpoints: readonly RunCheckpoint[] };

/** Commands on the checkpoints of a folder of this machine, or of a run in the bucket. A folder needs no account. */
export abstract class FolderOrRunCommand extends RunctlCommand {
  abstract text: string;

  protected abstract show(found: FoundCheckpoints): Promise<number>;

  protected async run(): Promise<number> {
    const { folderMeant } = await import('@runctl/operations/checkpoint');
    const folder = await folderMeant(this.text, this.context.cwd);
    return folder === null ? this.showRunOf(this.text) : this.showFolderAt(folder);
  }

  private async showFolderAt(folder: string): Promise<number> {
    const { openWritersFor } = await import('@runctl/checkpoint');
    const { lookIntoFolder } = await import('@runctl/operations/checkpoint');
    const { clock, interrupted: signal } = this.context;
    const openWriters = openWritersFor(process.platform);
    return this.show({ folder, ...(await lookIntoFolder(folder, { clock, openWriters, signal })) });
  }

  private showRunOf(text: string): Promise<number> {
    return this.withRun(text, async ({ cloud, run }) => {
      const { checkpointsOfRun } = await import('@runctl/operations/checkpoint');
      const access = { store: cloud.store, run, signal: this.context.interrupted };
      const { checkpoints, warnings } = await checkpointsOfRun(access);
      for (const warning of warnings) this.note(`warning: ${warning}`);
      return this.show({ run, cloud, checkpoints });
    });
  }
}
