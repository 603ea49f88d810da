import type { AccountChange, AccountItem } from '../../port/index.ts';

/** By this tag what `init` made is told from what others made. */
export const MADE_BY = { key: 'runctl:made-by', value: 'init' } as const;

/** One thing that is made ready. */
export interface Resource {
  readonly kind: string;
  look(): Promise<AccountItem>;
  /** Called with what `look` has found `missing` or `differs`. */
  make(item: AccountItem): Promise<AccountChange>;
  /** Called with what is there. Removes nothing that is not ours. */
  remove(item: AccountItem): Promise<AccountChange>;
}

/** `Tags.member.N` of an IAM call. */
export const IAM_TAGS: Readonly<Record<string, string>> = {
  'Tags.member.1.Key': MADE_BY.key,
  'Tags.member.1.Value': MADE_BY.value,
};

/** Whether our tag is among the tags of an answer of IAM or S3. */
export function isTaggedOurs(xml: string): boolean {
  const pairs = xml.matchAll(/<Key>([^<]*)<\/Key>\s*<Value>([^<]*)<\/Value>/g);
  return [...pairs].some(([, key, value]) => key === MADE_BY.key && value === MADE_BY.value);
}

export function changed(
  item: Pick<AccountItem, 'kind' | 'name'>,
  change: AccountChange['change'],
  note: string | null = null,
): AccountChange {
  return { kind: item.kind, name: item.name, change, note };
}

export const NOT_OURS = 'runctl did not make it';
