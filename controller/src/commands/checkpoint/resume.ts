import { Command, Option } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { savingOptions } from '../../options/declared/checkpoint-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { orEmpty } from '../../options/values/texts.ts';
import { RunctlCommand } from '../../options/command.ts';

export class CheckpointResumeCommand extends RunctlCommand {
  static override paths = [['checkpoint', 'resume']];
  static override usage = Command.Usage({
    description: 'Runs a script on this computer from a checkpoint on this computer.',
    details:
      'The script finds the path in RUNCTL_RESUME_FROM, and as an argument (--resume PATH unless --resume-argument says\n' +
      'otherwise). Exit code 20 when it fails. A run in the cloud is resumed by `runctl resume`.',
    examples: [
      ['go on from a file', '$0 checkpoint resume ./checkpoints/epoch_10.pt train.py -- --epochs 100'],
      ['as the script spells it', '$0 checkpoint resume ckpt/step-10 train.py --resume-argument "--from {path}"'],
    ],
  });

  checkpoint = argument('CHECKPOINT');
  script = argument('SCRIPT');
  args = Option.Rest({ name: 'argument' });
  resumeArgument = option({
    flag: '--resume-argument',
    schema: orEmpty(savingOptions.resumeArgument.schema),
    help: 'how the script takes the path; "" = only by the variable',
    group: 'checkpoints',
    default: '--resume {path}',
    defaultText: '"--resume {path}"',
  });
  dryRun = option({ ...outputOptions.dryRun, help: 'only print the command' });

  protected async run(): Promise<number> {
    const { localResume } = await import('@runctl/operations/checkpoint');
    const { cwd, env, services } = this.context;
    const { checkpoint, script, args, resumeArgument } = this;
    const argument = resumeArgument === '' ? null : resumeArgument;
    const made = await localResume({ checkpoint, script, args, argument, cwd });
    const line = [made.command, ...made.args].join(' ');
    if (this.dryRun) {
      if (this.json) this.printJson({ type: 'would-run', ...made });
      else this.print(line);
      return 0;
    }
    this.note(`running ${line}`);
    const code = await services.foreground(made.command, made.args, { cwd, env: { ...env, ...made.environment } });
    if (code !== 0) throw new RunctlError('workload-failed', `${script} ended with exit code ${code}`);
    return 0;
  }
}
