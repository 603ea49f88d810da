import type { AccountChange, AccountItem, AccountPreparation } from '@runctl/provider';
import type { CommandEvent } from '@runctl/protocol/events';
import { styles } from './style.ts';
import { table } from './table.ts';

const DO: Readonly<Record<AccountItem['state'], string>> = {
  there: 'is there',
  missing: 'make',
  differs: 'put right',
  'left-out': 'left out',
};

export function planEvent(
  { account, items }: Pick<AccountPreparation, 'account' | 'items'>,
  place: string,
): CommandEvent {
  return { type: 'account-plan', account, place, items: items.map((item) => ({ ...item })) };
}

/** What an account has, and what is to be made. */
export function planText(items: readonly AccountItem[]): string {
  return table(
    ['', 'WHAT', 'NAME', ''],
    items.map(({ kind, name, state, note }) => [DO[state], kind, name, note ?? '']),
  );
}

export function removalText(items: readonly AccountItem[]): string {
  return table(
    ['WHAT', 'NAME', ''],
    items.map(({ kind, name, note }) => [kind, name, kind === 'bucket' ? 'only if it is empty' : (note ?? '')]),
  );
}

export function changeText({ kind, name, change, note }: AccountChange, colour: boolean): string {
  const style = styles(colour);
  const mark = change === 'kept' ? style.yellow(change) : style.green(change);
  return `${mark}${' '.repeat(9 - change.length)}${kind} ${name}${note === null ? '' : style.dim(`: ${note}`)}`;
}
