import { resolve } from 'node:path';
import { RunctlCommand } from './command.ts';
import { option } from './declaration/option.ts';
import { rehearsalOptions } from './declared/rehearsal-options.ts';
import { durationIn, numberIn } from './values/numbers.ts';
import { textThat } from './values/texts.ts';
import type { SandboxStartOptions } from '@runctl/operations/sandbox';

/** Options of `sandbox start` and `sandbox serve`. */
export abstract class SandboxCommand extends RunctlCommand {
  level = option(rehearsalOptions.level);
  timeScale = option(rehearsalOptions.cloudTimeScale);
  bootDelay = option({
    flag: '--boot-delay',
    schema: durationIn({ least: '0s', most: '1h', example: '2s', bareUnit: 'ms' }),
    help: 'how long instances take to boot, in ms or as 2s',
    group: 'rehearsal',
    defaultText: '0',
  });
  parent = option({
    flag: '--parent',
    schema: numberIn({ kind: 'the id of a process, a whole number', least: 1, most: 2 ** 31 - 1, example: 4242 }),
    help: 'end as soon as this process is gone (a pid, such as $$)',
    group: 'rehearsal',
  });

  record = option({
    flag: '--record',
    schema: textThat({ takes: 'a file on this computer', example: './calls.ndjson', valueName: 'FILE' }),
    help: 'add every AWS call and its answer to this file, one JSON line each, without keys',
    group: 'rehearsal',
  });

  protected async startOptions(): Promise<SandboxStartOptions> {
    return {
      folder: await this.sandboxFolder(),
      environment: this.context.env,
      level: this.level,
      timeScale: this.timeScale,
      bootDelayMs: this.bootDelay,
      parentPid: this.parent,
      recordFile: this.record === undefined ? undefined : resolve(this.context.cwd, this.record),
    };
  }
}
