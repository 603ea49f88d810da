import { errorCatalog, hintText } from '@runctl/core';
import type { CommandEvent } from '@runctl/protocol/events';
import type { AccountFinding } from '@runctl/provider';
import type { CommandWriter } from './command-writer.ts';
import { shownRow, styles } from './style.ts';

export function findingEvent({ fix, ...finding }: AccountFinding, write: CommandWriter): CommandEvent {
  return { type: 'finding', ...finding, fix: fix === null ? null : hintText(fix, write) };
}

/** One line for a finding, and one for what to do about it. */
export function findingText(
  { subject, state, text, fix }: AccountFinding,
  options: { readonly colour: boolean; readonly write: CommandWriter },
): string {
  const style = styles(options.colour);
  const mark = { ok: style.green('ok'), problem: style.red('problem'), unknown: style.yellow('unknown') }[state];
  const line = `${mark}${' '.repeat(9 - state.length)}${subject}: ${shownRow(text)}`;
  return fix === null ? line : `${line}\n         ${style.dim('fix:')} ${hintText(fix, options.write)}`;
}

/** What all findings come to. The exit code is that of the first problem. */
export function examinedEvent(findings: readonly AccountFinding[]): CommandEvent & { readonly type: 'examined' } {
  const count = (state: AccountFinding['state']): number => findings.filter((each) => each.state === state).length;
  const code = findings.find(({ state }) => state === 'problem')?.errorCode ?? null;
  const exitCode = code === null ? 0 : errorCatalog[code];
  return { type: 'examined', ok: count('ok'), problems: count('problem'), unknown: count('unknown'), exitCode };
}

export function examinedText({ ok, problems, unknown }: CommandEvent & { readonly type: 'examined' }): string {
  const open = unknown === 0 ? '' : `, ${unknown} could not be told`;
  if (problems === 0) return `nothing found that stops a launch (${ok} looked at${open})`;
  return `${problems} ${problems === 1 ? 'problem' : 'problems'} (${ok} ok${open})`;
}
