import { Option } from 'clipanion';
import { RunctlError, parseDuration } from '@runctl/core';
import { RunctlCommand } from '../../command.ts';
import type { SandboxStartOptions } from '../../operations/sandbox/sandbox-control.ts';

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
    const timeScale = this.timeScale === undefined ? undefined : Number(this.timeScale);
    if (timeScale !== undefined && !(timeScale > 0 && timeScale <= 1))
      throw new RunctlError('usage', `--time-scale takes a number above 0, at most 1, not ${this.timeScale}`);
    checkLevel(this.level);
    const parentPid = this.parent === undefined ? undefined : Number(this.parent);
    if (parentPid !== undefined && !(Number.isSafeInteger(parentPid) && parentPid > 0))
      throw new RunctlError('usage', `--parent takes the pid of a process, not ${this.parent}`);
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
  const ms = /^\d+$/.test(text) ? Number(text) : parseDuration(text);
  if (ms === null) throw new RunctlError('usage', `--boot-delay takes milliseconds or a duration, not ${text}`);
  return ms;
}
