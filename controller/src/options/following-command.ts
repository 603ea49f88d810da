import { RunctlCommand } from './command.ts';
import type { Cloud } from '@runctl/operations';
import type { AskAnew } from '@runctl/operations/follow';
import type { LiveFeed } from '@runctl/operations/live';
import type { FollowView } from '../render/follow.ts';
import { resultOf } from './result-of.ts';

/** Words for a launch that nobody agreed to. */
export const LAUNCH_WORDS = {
  unasked: 'nobody can be asked here, so nothing was launched',
  declined: 'nothing was launched',
} as const;

/** A launch that was asked for, and what is to be done should the provider never be able to make its machine. */
export interface Asked {
  readonly cloud: Cloud;
  readonly run: string;
  readonly launch: number;
  readonly onDemandAfterMs: number | null;
  readonly askAnew: AskAnew;
  /** Ends what is left of the launch, and resolves with the error to show. */
  readonly giveUp: (error: unknown) => Promise<unknown>;
}

/** A command that shows a run until it ends or Ctrl-C detaches. */
export abstract class FollowingCommand extends RunctlCommand {
  /** The run that is shown, and where; null before. */
  protected followed: { readonly run: string; readonly view: FollowView } | null = null;

  protected async followView(): Promise<FollowView> {
    const { createFollowView } = await import('../render/follow.ts');
    const { stdout, stderr, colour, clock } = this.context;
    return createFollowView({ stdout, stderr, colour, clock, json: this.json, write: this.writeCommand });
  }

  /** Keeps what a run was launched with; where nothing can be kept, the run goes on all the same. */
  protected async keepSpec(run: string, specSha256: string): Promise<void> {
    const { rememberSpec } = await import('../adapters/launched-specs.ts');
    await rememberSpec(this.context.stateFolder, run, specSha256).catch((error: unknown) =>
      this.log.debug({ error }, 'what was launched is not kept for a resume'),
    );
  }

  /** Shows a launch from its beginning, or only that it was asked for with --detach. */
  protected async followLaunch(view: FollowView, asked: Asked & { readonly detach: boolean }): Promise<number> {
    const { cloud, run, launch, onDemandAfterMs, askAnew, giveUp, detach } = asked;
    if (detach) return view.detached(run, 'asked');
    try {
      return await this.follow(view, { cloud, run, launch, onDemandAfterMs, askAnew, failWhenHopeless: true });
    } catch (error) {
      throw await giveUp(error);
    }
  }

  /** Shows the run until it ends; the exit code says how. Ctrl-C only ends the watching. */
  protected async follow(
    view: FollowView,
    options: {
      cloud: Cloud;
      run: string;
      launch?: number;
      onDemandAfterMs?: number | null;
      askAnew?: AskAnew;
      withLog?: boolean;
      live?: LiveFeed;
      failWhenHopeless?: boolean;
    },
  ): Promise<number> {
    const { followRun } = await import('@runctl/operations/follow');
    const { interrupted: signal, clock } = this.context;
    this.followed = { run: options.run, view };
    try {
      const following = followRun({ withLog: true, ...options, clock, signal });
      return view.ended(options.run, await resultOf(following, (event) => view.show(event)));
    } catch (error) {
      if (!signal.aborted || this.onlyAsks) throw error;
      return view.detached(options.run, 'interrupted');
    }
  }
}
