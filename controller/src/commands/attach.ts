import { Command, Option } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import { FollowingCommand } from '../options/following-command.ts';

export class AttachCommand extends FollowingCommand {
  static override paths = [['attach']];
  static override usage = Command.Usage({
    description: "Follows a run live: its log as it is written, and the agent's state. Ctrl-C only stops watching.",
    details:
      'Asks the agent itself: over its websocket where the machine can be reached, else through a shell of its provider, with the log\n' +
      'from the bucket. Exit code 14 when the agent does not answer; `runctl logs -f` works without it.',
    examples: [['through an SSH tunnel', '$0 attach r-abc --via ssh']],
  });

  runText = Option.String({ name: 'RUN' });
  via = Option.String('--via', { description: 'ssh = reach the agent through an SSH tunnel' });
  sshUser = Option.String('--ssh-user', { description: 'user on the machine, for --via ssh (default: ubuntu)' });

  protected async run(): Promise<number> {
    if (this.via !== undefined && this.via !== 'ssh')
      throw new RunctlError('usage', `--via takes ssh, not ${this.via}`);
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
      const tunnel = this.via === 'ssh' ? services.sshTunnel(this.sshUser ?? 'ubuntu') : null;
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
