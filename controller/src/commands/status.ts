import { Command } from 'clipanion';
import { RunListCommand } from '../options/run-list-command.ts';
import { optionalArgument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { listOptions, liveOptions } from '../options/declared/live-options.ts';
import type { Cloud } from '@runctl/operations';

export class StatusCommand extends RunListCommand {
  static override paths = [['status']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Shows the newest runs, or one run in detail.',
    details:
      'All of it is read from the bucket and the provider, so any computer sees the same. RUN is an id, the beginning of one, or a name.\n' +
      'With --live the agent itself is asked, over its websocket where the machine can be reached, else through a shell of its provider;\n' +
      'exit code 14 when it does not answer.',
    examples: [
      ['the newest runs', '$0 status'],
      ['what a run would lose right now', '$0 status r-abc'],
    ],
  });

  runText = optionalArgument('RUN');
  limit = option(listOptions.limit);
  live = option(liveOptions.live);
  via = option({ ...liveOptions.via, help: 'ssh = with --live, reach the agent through an SSH tunnel' });
  sshUser = option(liveOptions.sshUser);

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    if (this.runText === undefined) return this.withCloud(({ cloud }) => this.showAll(cloud));
    return this.withRun(this.runText, ({ cloud, run }) =>
      this.live ? this.showLive(cloud, run) : this.showOne(cloud, run),
    );
  }

  private async showAll(cloud: Cloud): Promise<number> {
    const { renderRuns } = await import('../render/status.ts');
    const { clock, colour } = this.context;
    const { writeCommand: write } = this;
    const runs = await this.listRuns(cloud, this.limit);
    if (this.json) for (const run of runs) this.printJson({ type: 'run', ...run });
    else this.print(renderRuns(runs, { nowMs: clock.wallMs(), colour, location: cloud.store.location, write }));
    return 0;
  }

  private async showOne(cloud: Cloud, run: string): Promise<number> {
    const { runDetail } = await import('@runctl/operations/status');
    const { renderRunDetail, runDetailJson } = await import('../render/run-detail.ts');
    const detail = await runDetail(cloud, run, this.context.clock);
    const { verbose, writeCommand: write } = this;
    const { colour, stateFolder } = this.context;
    const { rememberedSpec } = await import('../adapters/launched-specs.ts');
    const launchedSpec = verbose ? await rememberedSpec(stateFolder, run).catch(() => null) : null;
    this.printResult(runDetailJson(detail), renderRunDetail(detail, { colour, verbose, launchedSpec, write }));
    return 0;
  }

  private async showLive(cloud: Cloud, run: string): Promise<number> {
    const { askLive } = await import('@runctl/operations/live');
    const { renderLive } = await import('../render/live.ts');
    const { clock, colour, interrupted: signal, services } = this.context;
    const tunnel = this.via === 'ssh' ? services.sshTunnel(this.sshUser) : null;
    const answer = await askLive(cloud, { run, clock, signal, dial: services.dial, tunnel });
    this.printResult({ type: 'live-status', ...answer }, renderLive(answer, colour));
    return 0;
  }
}
