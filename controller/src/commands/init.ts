import { RunctlError, command } from '@runctl/core';
import { Command } from 'clipanion';
import { setupOf, preparationWishOf } from '../options/account-command.ts';
import { RunctlCommand, type Connected } from '../options/command.ts';
import { option, optionSet } from '../options/declaration/option.ts';
import { accountOptions } from '../options/declared/account-options.ts';
import { cloudOptions } from '../options/declared/cloud-options.ts';
import { accountPartOptions, machineOptions } from '../options/declared/machine-options.ts';
import { outputOptions } from '../options/declared/output-options.ts';
import { resultOf } from '../options/result-of.ts';
import type { WrittenSettings } from '../settings/write.ts';

export class InitCommand extends RunctlCommand {
  static override paths = [['init']];
  static override usage = Command.Usage({
    category: 'account',
    description:
      'Writes .runctl.toml; with --cloud also makes bucket, role and group in the account, after one question.',
    details:
      'What is there already is taken as it is. --cloud makes what is missing: a private, encrypted bucket with a rule that\n' +
      'aborts unfinished uploads, a role for machines that reads and writes its runs, sees the names of all that is in the\n' +
      'bucket and ends its own fleets (not what `status --live` needs: SSM), its instance profile, a security group that lets\n' +
      'nothing in unless the configuration names groups, and the two service-linked roles. None of it costs anything by\n' +
      'itself. Running it again makes what is still missing. --destroy removes what --cloud has made, by its tag\n' +
      '`runctl:made-by`, and nothing else; a bucket only when it is empty, the role only when no other bucket, prefix or\n' +
      'region was made ready with it.',
    examples: [
      [
        'for a bucket and a role that exist',
        '$0 init --bucket my-training --region us-east-1 --instance-profile trainer',
      ],
      ['from nothing', '$0 init --cloud --region us-east-1'],
      [
        'for an administrator who has to do it',
        '$0 init --print cloudformation --bucket my-training --region us-east-1',
      ],
    ],
  });

  cloud = option(accountOptions.cloud);
  printForm = option(accountOptions.print);
  destroy = option(accountOptions.destroy);
  given = optionSet(accountPartOptions);
  yes = option(outputOptions.yes);

  protected run(): Promise<number> {
    if ([this.cloud, this.destroy, this.printForm !== undefined].filter(Boolean).length > 1)
      throw new RunctlError('usage', '--cloud, --print and --destroy exclude each other', { hint: 'give one of them' });
    if (this.printForm !== undefined) return this.withoutBucket((connected) => this.printText(connected));
    if (this.destroy) return this.withoutBucket((connected) => this.remove(connected));
    if (this.cloud) return this.withoutBucket((connected) => this.prepare(connected));
    return this.onlyWrite();
  }

  private withoutBucket(use: (connected: Connected) => Promise<number>): Promise<number> {
    return this.withCloud(use, { bucketMayBeMissing: true });
  }

  private async onlyWrite(): Promise<number> {
    const { bucket, region, profile, prefix, instance_profile: role } = await this.settings();
    const asked: Record<string, string> = {
      bucket: bucket ?? (await this.askFor(cloudOptions.bucket, null)),
      region: region ?? (await this.askFor(cloudOptions.region, 'us-east-1')),
      instance_profile: role ?? (await this.askFor(machineOptions.instanceProfile, 'runctl-instance')),
    };
    await this.write({
      ...asked,
      ...(prefix === '' ? {} : { prefix }),
      ...(profile === undefined ? {} : { profile }),
    });
    this.note(`see whether it works: ${this.writeCommand(command('doctor'))}`);
    return 0;
  }

  private async printText(connected: Connected): Promise<number> {
    const form = this.printForm ?? 'iam';
    const text = await setupOf(connected).print(form, preparationWishOf(connected.settings));
    this.printResult({ type: 'account-text', form, text }, text);
    return 0;
  }

  private async prepare(connected: Connected): Promise<number> {
    const { planEvent, planText, changeText } = await import('../render/account.ts');
    const { settings, cloud } = connected;
    const setup = setupOf(connected);
    const wish = preparationWishOf(settings);
    const plan = await this.whileAsking(setup.look(wish));
    this.printResult(
      planEvent(plan, cloud.provider.place),
      `account ${plan.account}, ${cloud.provider.place}\n${planText(plan.items)}`,
    );
    const isReady = plan.items.every(({ state }) => state === 'there' || state === 'left-out');
    if (!isReady && !this.yes) await this.askFirst('Make these?', PREPARE_WORDS);
    const made = isReady
      ? plan
      : await resultOf(setup.make(wish), (change) =>
          this.printResult({ type: 'account-change', ...change }, changeText(change, this.context.colour)),
        );
    await this.write({ ...regionAndProfile(settings), ...made.settings });
    if (!this.json) this.note(`see whether a launch would work: ${this.writeCommand(command('doctor'))}`);
    return 0;
  }

  private async remove(connected: Connected): Promise<number> {
    const { planEvent, removalText, changeText } = await import('../render/account.ts');
    const { lookAtRemoval, removeAccount } = await import('@runctl/operations/account');
    const { settings, cloud } = connected;
    const request = { setup: setupOf(connected), wish: preparationWishOf(settings) };
    const { account, items } = await this.whileAsking(lookAtRemoval(cloud.provider, request));
    const text = items.length === 0 ? 'nothing here was made by runctl' : removalText(items);
    this.printResult(planEvent({ account, items }, cloud.provider.place), text);
    if (items.length === 0) return 0;
    if (!this.yes) await this.askFirst('Remove these?', REMOVE_WORDS);
    await resultOf(removeAccount(cloud.provider, request), (change) =>
      this.printResult({ type: 'account-change', ...change }, changeText(change, this.context.colour)),
    );
    return 0;
  }

  /** Puts settings into the project's file, and asks before one that says otherwise is changed. */
  private async write(wanted: WrittenSettings): Promise<void> {
    const { isSandbox } = await import('../settings/load.ts');
    if (isSandbox(await this.environment()))
      return this.note('a local cloud needs no .runctl.toml, so none was written');
    const { fileWithSettings } = await import('../settings/write-file.ts');
    const file = await fileWithSettings(this.config, { cwd: this.context.cwd, settings: wanted });
    const { path, changes } = file;
    if (file.replaces.length > 0 && !this.yes)
      await this.askFirst(`${path} says otherwise for ${file.replaces.join(', ')}. Change it?`, WRITE_WORDS);
    await file.write();
    this.printResult(
      { type: 'configured', path, changes: [...changes] },
      changes.length === 0 ? `${path} says so already` : `wrote ${changes.join(', ')} into ${path}`,
    );
  }
}

function regionAndProfile({
  region,
  profile,
}: {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
}): WrittenSettings {
  return { ...(region === undefined ? {} : { region }), ...(profile === undefined ? {} : { profile }) };
}

const PREPARE_WORDS = {
  unasked: 'nobody can be asked here, so nothing was made',
  hint: 'add --yes to make them without a question, or --print iam to have an administrator make them',
  declined: 'nothing was made',
};

const REMOVE_WORDS = {
  unasked: 'nobody can be asked here, so nothing was removed',
  hint: 'add --yes to remove them without a question',
  declined: 'nothing was removed',
};

const WRITE_WORDS = {
  unasked: 'nobody can be asked here, so the file was left as it is',
  hint: 'add --yes to change it without a question',
  declined: 'the file was left as it is',
};
