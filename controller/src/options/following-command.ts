import { RunctlCommand } from './command.ts';
import type { Cloud } from '@runctl/operations';
import type { LiveFeed } from '@runctl/operations/live';
import type { FollowView } from '../render/follow.ts';

/** A command that shows a run until it ends or Ctrl-C detaches. */
export abstract class FollowingCommand extends RunctlCommand {
  protected async followView(): Promise<FollowView> {
    const { createFollowView } = await import('../render/follow.ts');
    const { stdout, stderr, colour, clock } = this.context;
    return createFollowView({ stdout, stderr, colour, clock, json: this.json, write: this.writeCommand });
  }

  /** Shows the run until it ends; the exit code says how. Ctrl-C only ends the watching. */
  protected async follow(
    view: FollowView,
    options: {
      cloud: Cloud;
      run: string;
      launch?: number;
      onDemandAfterMs?: number | null;
      withLog?: boolean;
      live?: LiveFeed;
      failWhenHopeless?: boolean;
    },
  ): Promise<number> {
    const { followRun } = await import('@runctl/operations/follow');
    const { interrupted: signal, clock } = this.context;
    try {
      const following = followRun({ withLog: true, ...options, clock, signal });
      let step = await following.next();
      for (; step.done !== true; step = await following.next()) view.show(step.value);
      return view.ended(options.run, step.value);
    } catch (error) {
      if (!signal.aborted) throw error;
      return view.detached(options.run, 'interrupted');
    }
  }
}
