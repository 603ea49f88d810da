import { defaultOf, type OptionDeclaration, type WrittenDefault } from '../options/declaration/option-declaration.ts';
import { cloudOptions } from '../options/declared/cloud-options.ts';
import { rehearsalOptions } from '../options/declared/rehearsal-options.ts';
import { launchOptions } from '../options/declared/launch-options.ts';
import type { ValueOf } from '../options/values/value-schema.ts';

const declarations = {
  ...cloudOptions,
  ...launchOptions,
  ...rehearsalOptions,
};

/** What declares a setting. */
export type SettingDeclaration = OptionDeclaration & { readonly key: string };

/** The declarations of all settings, as types. */
export type DeclaredSetting = Extract<(typeof declarations)[keyof typeof declarations], { readonly key: string }>;

/** Everything that can be configured, whether it stands in a file, in `RUNCTL_<KEY>` or in a flag. */
export type Settings = {
  readonly [D in DeclaredSetting as D['key']]: D extends { readonly default: WrittenDefault }
    ? ValueOf<D['schema']>
    : ValueOf<D['schema']> | undefined;
};

/** What declares each setting, in the order of docs/configuration.md. */
export const settingDeclarations: ReadonlyMap<string, SettingDeclaration> = new Map(
  Object.values<OptionDeclaration>(declarations).flatMap((declaration) =>
    isSetting(declaration) ? [[declaration.key, declaration] as const] : [],
  ),
);

export const settingKeys: readonly string[] = [...settingDeclarations.keys()];

function isSetting(declaration: OptionDeclaration): declaration is SettingDeclaration {
  return declaration.key !== undefined;
}

/** The values that were given, and the default of every other setting. */
export function settingsWith(given: Partial<Settings>): Settings {
  const defaults = [...settingDeclarations].map(([key, declaration]) => [key, defaultOf(declaration)]);
  return { ...(Object.fromEntries(defaults) as Settings), ...given };
}
