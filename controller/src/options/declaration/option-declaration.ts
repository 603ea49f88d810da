import type { ValueOf, ValueSchema } from '../values/value-schema.ts';
import type { OptionGroup } from './option-group.ts';

/** What a person would have written instead of leaving the option out. */
export type WrittenDefault = string | number | boolean | readonly string[];

/**
 * The one place that says what an option is. From it come the flag, the setting of files and its `RUNCTL_…` variable, what
 * is checked, the shown default, and the rows of docs/configuration.md.
 */
export interface OptionDeclaration {
  /** `--limit`, or with a short one `-d,--detach`; null for a setting that has no flag. */
  readonly flag: string | null;
  /** Key of the setting; left out for an option that only a command line has. */
  readonly key?: string;
  /** Where the documents of a launch carry the setting, such as `keep.last`; left out where they do not. */
  readonly carriedAs?: `${'machine' | 'checkpoint' | 'keep' | 'policy'}.${string}`;
  /** Another flag, which means this one where no value of its own follows: `--output` is `--output json` elsewhere. */
  readonly writtenAlone?: string;
  readonly schema: ValueSchema<unknown>;
  /** One line, without the default. */
  readonly help: string;
  readonly group: OptionGroup;
  readonly default?: WrittenDefault;
  /** What happens by default, where that is no value that could be written, or is better told in words. */
  readonly defaultText?: string;
  /** Said in docs/configuration.md after `help`. */
  readonly more?: string;
  /** An option of the old tool that is taken and changes nothing: never shown. */
  readonly hidden?: boolean;
  /** What happens anyway, for a hidden switch that asked for it. */
  readonly instead?: string;
}

/** Keeps the exact type of a declaration, from which the type of its value follows. */
export function declared<const D extends OptionDeclaration>(declaration: D): D {
  return declaration;
}

/**
 * The value of an option's field: a setting's is undefined where the command line does not give it (files and variables may),
 * another's is its default.
 */
export type OptionValue<D extends OptionDeclaration> = D extends { readonly key: string }
  ? ValueOf<D['schema']> | undefined
  : D extends { readonly default: WrittenDefault }
    ? ValueOf<D['schema']>
    : ValueOf<D['schema']> | undefined;

/** The default as the schema reads it; undefined when there is none. */
export function defaultOf<D extends OptionDeclaration>(declaration: D): ValueOf<D['schema']> | undefined {
  if (declaration.default === undefined) return undefined;
  return declaration.schema.read(declaration.default) as ValueOf<D['schema']>;
}

/** The default for people; null when there is none to tell. */
export function defaultTextOf(declaration: OptionDeclaration): string | null {
  if (declaration.defaultText !== undefined) return declaration.defaultText;
  const { default: value } = declaration;
  if (value === undefined || value === false || value === '') return null;
  return Array.isArray(value) ? value.join(', ') || null : String(value);
}

/** Every spelling of the flag, the short one first. */
export function flagNames({ flag }: OptionDeclaration): readonly string[] {
  return flag?.split(',') ?? [];
}

/** The variable that a setting is read from. */
export function variableOf(key: string): string {
  return `RUNCTL_${key.toUpperCase()}`;
}
