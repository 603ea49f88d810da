import type { Environment } from '@runctl/core';
import { join } from 'node:path';
import type { SandboxRegion } from '@runctl/operations/sandbox';
import { option } from './declaration/option.ts';
import { rehearsalOptions } from './declared/rehearsal-options.ts';
import { WorkloadOptionsCommand } from './launch-options.ts';

/** A local cloud that lives as long as one command. */
export interface OwnSandbox {
  readonly region: SandboxRegion;
  /** In which everything asks this cloud. */
  readonly environment: Environment;
  /** Takes a machine away, with a notice or without. */
  readonly interrupt: (machineId: string, notice: boolean) => Promise<void>;
  /** Folders of its machines that are there now. */
  readonly homes: () => Promise<readonly string[]>;
}

/** A command that runs a workload on a local cloud made for it alone. */
export abstract class OwnSandboxCommand extends WorkloadOptionsCommand {
  level = option(rehearsalOptions.level);
  timeScale = option(rehearsalOptions.drillTimeScale);
  keep = option(rehearsalOptions.keep);

  /** Starts the local cloud, and ends it however `use` ends. Its folder stays where --keep or --state asks for that. */
  protected async inOwnSandbox(use: (sandbox: OwnSandbox) => Promise<number>): Promise<number> {
    const { env: environment, pid: parentPid, services } = this.context;
    const { level, timeScale } = this;
    const isKept = this.keep || this.state !== undefined;
    const folder = await this.ownFolder(isKept);
    const region = await services.sandbox.start({ folder, environment, level, timeScale, parentPid }, () => {});
    try {
      const { inSandbox } = await import('@runctl/operations/sandbox');
      const { instanceHomes } = await import('@runctl/sandbox/client');
      return await use({
        region,
        environment: inSandbox(environment, region),
        interrupt: async (instanceId, notice) =>
          void (await services.sandbox.interrupt(folder, { target: { instanceId }, notice, rebalance: false })),
        homes: () => instanceHomes(folder),
      });
    } finally {
      await services.sandbox.stop(folder);
      if (isKept) this.note(`the local cloud's folder is kept: ${folder}`);
    }
  }

  private async ownFolder(isKept: boolean): Promise<string> {
    const { ownSandboxName } = await import('@runctl/sandbox/client');
    if (!isKept) return join(await this.context.temporaryFolder(), ownSandboxName);
    const named = await this.sandboxFolder();
    if (this.state !== undefined) return named;
    return `${named}-drill-${new Date(this.context.clock.wallMs()).toISOString().replaceAll(':', '-')}`;
  }
}
