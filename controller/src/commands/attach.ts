import { Command } from 'clipanion';
import { command } from '@runctl/core';
import type { Cloud } from '@runctl/operations';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { liveOptions } from '../options/declared/live-options.ts';
import { FollowingCommand } from '../options/following-command.ts';

export class AttachCommand extends FollowingCommand {
  static override paths = [['attach']];
  static override usage = Command.Usage({
    category: 'runs',
    description: "Follows a run live: its log as it is written, and the agent's state. Ctrl-C only stops watching.",
    details:
      'Asks the agent itself: over its websocket where the machine can be reached, else through a shell of its provider, with the log\n' +
      'from the bucket. Exit code 14 when the agent does not answer; `runctl logs -f` works without it.',
    examples: [['through an SSH tunnel', '$0 attach r-abc --via ssh']],
  });

  runText = argument('RUN');
  via = option(liveOptions.via);
  sshUser = option(liveOptions.sshUser);

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withRun(this.runText, ({ cloud, run }) => this.attach(cloud, run));
  }

  protected override lastWords(): number {
    if (this.followed !== null) return this.followed.view.detached(this.followed.run, 'interrupted', null);
    this.noteDetached(this.runText, command('attach', this.runText));
    return 130;
  }

  private async attach(cloud: Cloud, run: string): Promise<number> {
    const { openLive } = await import('@runctl/operations/live');
    const { createRunReader, hasEnded, stateOf } = await import('@runctl/operations/run');
    const { clock, interrupted: signal, services } = this.context;
    const view = await this.followView();
    const record = await createRunReader({ store: cloud.store, run, clock }).read();
    if (hasEnded(stateOf(record))) return this.follow(view, { cloud, run });
    const tunnel = this.via === 'ssh' ? services.sshTunnel(this.sshUser) : null;
    const live = await openLive(cloud, { run, clock, signal, dial: services.dial, tunnel });
    if (!this.json) this.note(`attached to ${live.machineId} over ${live.via}`);
    try {
      return await this.follow(view, { cloud, run, live });
    } finally {
      live.close();
    }
  }
}
