import { RunctlError } from '@runctl/core';
import { RunctlCommand } from './command.ts';
import type { Cloud } from '@runctl/operations';
import type { AskAnew, FirstBoot } from '@runctl/operations/follow';
import type { LiveFeed } from '@runctl/operations/live';
import type { UnheardCost } from '@runctl/operations/run';
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
  /** Returns once an agent of the launch has spoken. */
  readonly detach: boolean;
  /** Ends the launch when its machines boot and never speak. */
  readonly checkFirstBoot: boolean;
  /** Ends what is left of the launch, and resolves with the error to show. */
  readonly giveUp: (error: unknown) => Promise<unknown>;
}

/** A command that shows a run until it ends or Ctrl-C detaches. */
export abstract class FollowingCommand extends RunctlCommand {
  /** The run that is shown, and where; null before. */
  protected followed: { readonly run: string; readonly view: FollowView } | null = null;
  /** What is known of the first boot of the launch that this command asked for; null where it asked for none. */
  private firstBoot: FirstBoot | null = null;

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

  /** Shows a launch from its beginning, with --detach until its first agent has spoken. */
  protected async followLaunch(view: FollowView, asked: Asked): Promise<number> {
    const { run, detach, checkFirstBoot } = asked;
    if (detach && !checkFirstBoot) return view.detached(run, 'asked', await this.costIfSilent(asked));
    const { FirstBoot: Watch } = await import('@runctl/operations/follow');
    const firstBoot = new Watch({ ends: checkFirstBoot });
    this.firstBoot = firstBoot;
    for (;;)
      try {
        const exitCode = await (detach
          ? this.awaitAgent(view, asked, firstBoot)
          : this.followBoot(view, asked, firstBoot));
        if (!firstBoot.isHeard && exitCode !== 0 && exitCode !== 130) await this.endFailedBoot(asked);
        return exitCode;
      } catch (error) {
        const failure = await this.endAfter(asked, error);
        if (failure !== null) throw failure;
        // A machine holds the run, and holding is a word too.
        firstBoot.hear();
      }
  }

  private followBoot(view: FollowView, asked: Asked, firstBoot: FirstBoot): Promise<number> {
    const { cloud, run, launch, onDemandAfterMs, askAnew } = asked;
    return this.follow(view, { cloud, run, launch, onDemandAfterMs, askAnew, firstBoot, failWhenHopeless: true });
  }

  /** Shows the launch until it speaks, or only that it was asked for where it has no machine yet. */
  private async awaitAgent(view: FollowView, asked: Asked, firstBoot: FirstBoot): Promise<number> {
    const { watchFirstBoot } = await import('@runctl/operations/follow');
    const { interrupted: signal, clock } = this.context;
    const { cloud, run, launch } = asked;
    try {
      const watching = watchFirstBoot({ cloud, run, launch, clock, signal, firstBoot, failWhenHopeless: true });
      const end = await resultOf(watching, (event) => view.show(event));
      if (end.kind === 'ended') return view.ended(run, end.outcome);
      return view.detached(run, 'asked', end.kind === 'heard' ? null : firstBoot.cost);
    } catch (error) {
      if (!signal.aborted || this.onlyAsks) throw error;
      return view.detached(run, 'interrupted', this.unheardCost);
    }
  }

  /** Ends the launch where the error says that nothing comes of it. The error to show; null where a machine holds the run. */
  private async endAfter({ cloud, run, launch, giveUp }: Asked, error: unknown): Promise<unknown> {
    const { endSilent } = await import('@runctl/operations/resume');
    const { clock, user, interrupted: signal } = this.context;
    try {
      const failure = await endSilent({ cloud, clock, user }, { run, launch, error, signal });
      return failure === null ? null : await giveUp(failure);
    } catch (problem) {
      return this.notEnded(run, error, problem);
    }
  }

  private async endFailedBoot({ cloud, run, launch }: Asked): Promise<void> {
    const { endFailedBoot } = await import('@runctl/operations/resume');
    const { clock, user } = this.context;
    try {
      await endFailedBoot({ cloud, clock, user }, { run, launch });
    } catch (problem) {
      throw await this.notEnded(run, new RunctlError('boot-failed', 'no agent of the launch ever worked'), problem);
    }
  }

  private async notEnded(run: string, cause: unknown, problem: unknown): Promise<RunctlError> {
    const { notEnded } = await import('@runctl/operations/launch');
    const { unheardText } = await import('../render/unheard.ts');
    const cost = this.unheardCost;
    return notEnded({ run, cause, problem, cost: cost === null ? null : unheardText(cost) });
  }

  private async costIfSilent({ cloud, run, launch }: Asked): Promise<UnheardCost | null> {
    const { costIfSilent } = await import('@runctl/operations/follow');
    return costIfSilent({ cloud, clock: this.context.clock, run, launch }).catch((error: unknown) => {
      this.log.debug({ error }, 'what the launch may cost could not be read');
      return null;
    });
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
      firstBoot?: FirstBoot;
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
      return view.detached(options.run, 'interrupted', this.unheardCost);
    }
  }

  /** What may be spent on machines that never speak, where nobody watches them any more; null once one has spoken. */
  private get unheardCost(): UnheardCost | null {
    return this.firstBoot === null || this.firstBoot.isHeard ? null : this.firstBoot.cost;
  }
}
