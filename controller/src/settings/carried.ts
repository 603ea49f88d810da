import type { ValueOf } from '../options/values/value-schema.ts';
import type { WrittenDefault } from '../options/declaration/option-declaration.ts';
import { settingDeclarations, type DeclaredSetting, type Settings } from './schema.ts';

/** A setting is null in a document where there is none. */
type CarriedValue<D extends DeclaredSetting> = D extends { readonly default: WrittenDefault }
  ? ValueOf<D['schema']>
  : ValueOf<D['schema']> | null;

/** The settings that a document carries at a place, by the names that it gives them. */
export type Carried<P extends string> = {
  readonly [
    D in Extract<DeclaredSetting, { readonly carriedAs: `${P}.${string}` }> as D extends {
      readonly carriedAs: `${P}.${infer N}`;
    }
      ? N
      : never
  ]: CarriedValue<D>;
};

/**
 * The settings that the documents of a launch carry at `place`: what lies between an option's declaration and the document's
 * schema, for all options at once. That both fit is held by the types.
 */
export function carriedAt<P extends 'machine' | 'checkpoint' | 'keep' | 'policy'>(
  settings: Settings,
  place: P,
): Carried<P> {
  const values: Readonly<Record<string, unknown>> = settings;
  const members = [...settingDeclarations].flatMap(([key, { carriedAs }]) =>
    carriedAs?.startsWith(`${place}.`) === true ? [[carriedAs.slice(place.length + 1), values[key] ?? null]] : [],
  );
  return Object.fromEntries(members) as Carried<P>;
}
