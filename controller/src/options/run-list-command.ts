import type { Cloud } from '@runctl/operations';
import type { RunRow } from '@runctl/operations/status';
import { RunctlCommand } from './command.ts';
import type { RememberedRun } from '../completion/run-memory.ts';

/** A command that lists runs. What it has seen is kept, so that completion knows it without asking the cloud. */
export abstract class RunListCommand extends RunctlCommand {
  /** The newest runs, newest first. */
  protected async listRuns(cloud: Cloud, limit: number): Promise<readonly RunRow[]> {
    const { listRuns } = await import('@runctl/operations/status');
    const expires = cloud.provider.can.expires.value;
    const rows = await listRuns(cloud.store, { limit, clock: this.context.clock, expires });
    const { rememberRuns } = await import('../completion/run-memory.ts');
    const place = { bucket: cloud.bucket, sandbox: await this.sandboxPlace() };
    // A list is shown all the same where nothing can be kept.
    await rememberRuns(this.context.cacheFolder, place, await this.toRemember(rows)).catch((error: unknown) =>
      this.log.debug({ error }, 'the runs are not kept for completion'),
    );
    return rows;
  }

  /** What completion shows of these runs. */
  protected async toRemember(rows: readonly RunRow[]): Promise<readonly RememberedRun[]> {
    const { stateText } = await import('../render/status.ts');
    const { styles } = await import('../render/style.ts');
    return rows.map(({ run, name, workload, state }) => ({
      run,
      name,
      about: [workload, stateText(state, styles(false))].filter((word) => word !== '').join(', '),
    }));
  }

  /** State folder of the local cloud that is asked; null for a real one. */
  protected async sandboxPlace(): Promise<string | null> {
    return this.useSandbox ? this.sandboxFolder() : null;
  }
}
