import { Command, Option } from 'clipanion';
import { command } from '@runctl/core';
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

  runText = Option.String({ name: 'RUN' });
  via = option(liveOptions.via);
  sshUser = option(liveOptions.sshUser);

  protected async run(): Promise<number> {
    const { cloud } = await this.connect();
    try {
      const { resolveRun } = await import('@runctl/operations/run');
      const { openLive } = await import('@runctl/operations/live');
      const { clock, interrupted: signal, services } = this.context;
      const run = await resolveRun(cloud.store, this.runText);
      const view = await this.followView();
      const { hasEnded, stateOf } = await import('@runctl/operations/run');
      const { createRunReader } = await import('@runctl/operations/run');
      if (hasEnded(stateOf(await createRunReader({ store: cloud.store, run, clock }).read())))
        return await this.follow(view, { cloud, run });
      const tunnel = this.via === 'ssh' ? services.sshTunnel(this.sshUser) : null;
      const live = await openLive(cloud, { run, clock, signal, dial: services.dial, tunnel });
      if (!this.json) this.note(`attached to ${live.machineId} over ${live.via}`);
      try {
        return await this.follow(view, { cloud, run, live });
      } finally {
        live.close();
      }
    } catch (error) {
      if (!this.context.interrupted.aborted) throw error;
      this.noteDetached(this.runText, command('attach', this.runText));
      return 130;
    } finally {
      cloud.close();
    }
  }
}
