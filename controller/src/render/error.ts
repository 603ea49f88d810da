import { isRunctlError, messageOf } from '@runctl/core';
import { shownName, styles } from './style.ts';

export interface ErrorRendering {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly colour: boolean;
}

/** `error[code]: what` and `hint: …` for people, or one object for programs. The only place that words an error. */
export function renderError(error: unknown, options: ErrorRendering): string {
  const { code, message, hint } = describe(error);
  const exitCode = exitCodeOf(error);
  const details = isRunctlError(error) ? error.details : {};
  if (options.json) return `${JSON.stringify({ type: 'error', code, message, hint, exitCode, ...details })}\n`;
  const style = styles(options.colour);
  const lines = [`${style.red(`error[${code}]:`)} ${shown(message)}`];
  if (hint !== null) lines.push(`${style.dim('hint:')} ${shown(hint)}`);
  if (options.verbose && error instanceof Error && error.stack !== undefined) lines.push(style.dim(error.stack));
  return `${lines.join('\n')}\n`;
}

/** It may quote names that somebody else gave; its own lines stay. */
const shown = (text: string): string => text.split('\n').map(shownName).join('\n');

export function exitCodeOf(error: unknown): number {
  return isRunctlError(error) ? error.exitCode : 1;
}

function describe(error: unknown): { code: string; message: string; hint: string | null } {
  if (isRunctlError(error)) return { code: error.code, message: error.message, hint: error.hint ?? null };
  return {
    code: 'internal',
    message: messageOf(error),
    hint: 'this is a defect of runctl: run the command again with --verbose and report what it prints',
  };
}
