import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import type { KnownSpec } from '@runctl/operations/resume';
import type { Connected } from '../options/command.ts';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { limitOptions } from '../options/declared/limit-options.ts';
import { machineOptions } from '../options/declared/machine-options.ts';
import { outputOptions } from '../options/declared/output-options.ts';
import { launchedOptions } from '../options/declared/launched-options.ts';
import { fallbackOptions, waitingOptions } from '../options/declared/waiting-options.ts';
import { FollowingCommand, LAUNCH_WORDS } from '../options/following-command.ts';
import { machineWishOf } from '../options/launch-options.ts';

export class ResumeCommand extends FollowingCommand {
  static override paths = [['resume']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Launches a stopped or failed run again, from its last durable checkpoint, and follows it.',
    details:
      'The script, its arguments and its project stay those of the run; only where it runs can be changed.\n' +
      'Where this computer launched or resumed the run before, a spec that was changed since is refused; elsewhere its SHA-256\n' +
      'is shown, and --expect-spec refuses any other.',
    examples: [['on another type of machine', '$0 resume r-abc --instance-type g5.2xlarge']],
  });

  runText = argument('RUN');
  instanceTypes = option({
    ...machineOptions.instanceTypes,
    help: 'type to use instead of those of before; repeatable, or with commas',
    defaultText: 'those of before',
  });
  onDemand = option(machineOptions.onDemand);
  assumePrice = option({ ...limitOptions.assumePrice, defaultText: 'that of before' });
  detach = option(waitingOptions.detach);
  noFirstBootCheck = option(fallbackOptions.noFirstBootCheck);
  acceptChangedSpec = option(launchedOptions.acceptChangedSpec);
  expectSpec = option(launchedOptions.expectSpec);
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    if (this.acceptChangedSpec && this.expectSpec !== undefined)
      throw new RunctlError('usage', '--expect-spec refuses what --accept-changed-spec takes', {
        hint: 'give one of them',
      });
    return this.withRun(this.runText, async (connected) => {
      const { run } = connected;
      const before = await this.whileAsking(this.lookBefore(connected));
      this.warn(before.warnings);
      if (!this.yes) await this.askFirst(`Launch ${run} again?`, { ...LAUNCH_WORDS, hint: 'add --yes' });
      return this.resume(connected, before);
    });
  }

  private async lookBefore({ cloud, run }: ConnectedRun): Promise<Before> {
    const { lookBefore } = await import('@runctl/operations/resume');
    const { LOST_WITHOUT_HANDLER } = await import('@runctl/protocol');
    const { specSha256, caughtTerm } = await lookBefore(cloud.store, run);
    const known = await this.knownSpec(run);
    const unknown = `this computer does not know what ${run} was launched with: its spec, SHA-256 ${specSha256}, is taken as it is`;
    return {
      // What a person agrees to is what was shown.
      knownSpec: this.acceptChangedSpec ? null : (known ?? { sha256: specSha256, source: 'just before it had' }),
      warnings: [
        ...(known === null && !this.acceptChangedSpec ? [unknown] : []),
        ...(caughtTerm === false ? [`nothing caught SIGTERM when ${run} ran last: ${LOST_WITHOUT_HANDLER}`] : []),
      ],
    };
  }

  /** What the command line or this computer says of the spec; null where neither does. */
  private async knownSpec(run: string): Promise<KnownSpec | null> {
    if (this.expectSpec !== undefined) return { sha256: this.expectSpec.toLowerCase(), source: '--expect-spec says' };
    if (this.acceptChangedSpec) return null;
    const { rememberedSpec } = await import('../adapters/launched-specs.ts');
    const sha256 = await rememberedSpec(this.context.stateFolder, run);
    return sha256 === null ? null : { sha256, source: 'this computer launched or resumed' };
  }

  private async resume({ cloud, settings, run }: ConnectedRun, { knownSpec, warnings }: Before): Promise<number> {
    const { endHopeless, resumeRun } = await import('@runctl/operations/resume');
    const { clock, user, services, interrupted: signal } = this.context;
    const ports = { cloud, clock, user };
    const wish = {
      ...machineWishOf(settings),
      // What the settings need holds for types that they choose; the run has its own.
      ...NO_NEED,
      machineTypes: this.instanceTypes ?? [],
      market: this.onDemand === undefined ? null : this.onDemand ? ('on-demand' as const) : ('spot' as const),
      fallsBack: !settings.no_fallback && !this.detach,
    };
    const onLeftovers = (launch: number): void => {
      if (!this.json) this.note(`making sure that nothing of launch ${launch} is left`);
    };
    const resuming = { run, tools: services.tools, wish, knownSpec, onLeftovers, signal };
    const resumed = await resumeRun(ports, resuming);
    const { launch, machines, askAnew, fromStep, specSha256, warnings: ofPlace } = resumed;
    await this.keepSpec(run, specSha256);
    this.warn(ofPlace);
    const view = await this.followView();
    const id = cloud.provider.nameOf(machines.ref);
    const said = [...warnings, ...ofPlace];
    view.show({ type: 'requested', run, launch, id, ...(said.length > 0 ? { warnings: said } : {}) });
    const from = fromStep === null ? 'from its last checkpoint' : `from step ${fromStep}`;
    if (!this.json) this.note(`launch ${launch} of ${run}, ${from}`);
    const onDemandAfterMs = resumed.fallsBack ? settings.fallback_after : null;
    const giveUp = (error: unknown): Promise<unknown> => endHopeless(ports, { run, launch, error });
    const checkFirstBoot = !settings.no_first_boot_check;
    const { detach } = this;
    return this.followLaunch(view, {
      cloud,
      run,
      launch,
      onDemandAfterMs,
      detach,
      checkFirstBoot,
      askAnew,
      giveUp,
    });
  }
}

const NO_NEED = { gpus: null, cpus: null, memoryGiB: null, architecture: null } as const;

type ConnectedRun = Connected & { readonly run: string };

interface Before {
  /** Null = whatever is in the bucket is taken. */
  readonly knownSpec: KnownSpec | null;
  readonly warnings: readonly string[];
}
