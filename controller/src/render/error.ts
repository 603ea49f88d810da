import { hintText, isRunctlError, messageOf } from '@runctl/core';
import type { CommandWriter } from './command-writer.ts';
import { shownText, styles } from './style.ts';

export interface ErrorRendering {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly colour: boolean;
  /** Words the commands in a hint; without it nothing is added to them. */
  readonly write?: CommandWriter;
}

/** `error[code]: what` and `hint: …` for people, or one object for programs. The only place that words an error. */
export function renderError(error: unknown, options: ErrorRendering): string {
  const { code, message, hint } = describe(error, options.write);
  const exitCode = exitCodeOf(error);
  const details = isRunctlError(error) ? error.details : {};
  if (options.json) return `${JSON.stringify({ type: 'error', code, message, hint, exitCode, ...details })}\n`;
  const style = styles(options.colour);
  const lines = [`${style.red(`error[${code}]:`)} ${shownText(message)}`];
  if (hint !== null) lines.push(`${style.dim('hint:')} ${shownText(hint)}`);
  if (options.verbose && error instanceof Error && error.stack !== undefined)
    lines.push(style.dim(shownText(error.stack)));
  return `${lines.join('\n')}\n`;
}

export function exitCodeOf(error: unknown): number {
  return isRunctlError(error) ? error.exitCode : 1;
}

function describe(error: unknown, write?: CommandWriter): { code: string; message: string; hint: string | null } {
  if (isRunctlError(error)) {
    const { code, message, hintParts } = error;
    return { code, message, hint: hintParts === undefined ? null : hintText(hintParts, write) };
  }
  return {
    code: 'internal',
    message: messageOf(error),
    hint: 'this is a defect of runctl: run the command again with --verbose and report what it prints',
  };
}
