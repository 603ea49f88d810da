import { Option } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { RunctlCommand } from './command.ts';
import { durationOption, numberOption, timeScaleOption } from './option-values.ts';
import type { SandboxStartOptions } from '@runctl/operations/sandbox';

/** Options of `sandbox start` and `sandbox serve`. */
export abstract class SandboxCommand extends RunctlCommand {
  level = Option.String('--level', { description: 'how real instances are: auto (default), process, lite' });
  timeScale = Option.String('--time-scale', {
    description: "shortens EC2's own times: 0.1 makes a notice last 12 s (default: 1)",
  });
  bootDelay = Option.String('--boot-delay', {
    description: 'how long instances take to boot, in ms or as 2s (default: 0)',
  });
  parent = Option.String('--parent', { description: 'end as soon as this process is gone (a pid, such as $$)' });

  /** Errors: `usage`. */
  protected async startOptions(): Promise<SandboxStartOptions> {
    const timeScale = this.timeScale === undefined ? undefined : timeScaleOption(this.timeScale);
    checkLevel(this.level);
    const parentPid =
      this.parent === undefined ? undefined : numberOption('--parent', this.parent, { min: 1, example: 4242 });
    return {
      folder: await this.sandboxFolder(),
      environment: this.context.env,
      level: this.level,
      timeScale,
      bootDelayMs: bootDelayMs(this.bootDelay),
      parentPid,
    };
  }
}

/** Errors: `usage`. */
export function checkLevel(level: string | undefined): void {
  if (level !== undefined && !['auto', 'process', 'lite'].includes(level))
    throw new RunctlError('usage', `--level takes auto, process or lite, not ${level}`);
}

function bootDelayMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? Number(text) : durationOption('--boot-delay', text, { example: '500ms or 2s' });
}
