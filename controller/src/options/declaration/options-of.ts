import { defaultTextOf, flagNames } from './option-declaration.ts';
import { declarationsOf, type OptionsClass } from './option.ts';
import type { OptionGroup } from './option-group.ts';

/** An option as data, for help, completion and the nearest of a slip. */
export interface ListedOption {
  /** Every spelling, the short one first. */
  readonly flags: readonly string[];
  /** See `OptionDeclaration`. */
  readonly writtenAlone?: string;
  readonly takesValue: boolean;
  /** `DURATION`, `auto|never`; null for a switch. */
  readonly valueName: string | null;
  /** The only values there are; empty where there are others. */
  readonly values: readonly string[];
  readonly repeatable: boolean;
  /** Without the default. */
  readonly help: string;
  readonly group: OptionGroup;
  /** Null when there is none to show. */
  readonly defaultText: string | null;
  /** Taken for the sake of old command lines, never shown or suggested. */
  readonly hidden: boolean;
}

/** The options of a command class, in the order of its fields: inherited ones first. */
export function optionsOf(commandClass: OptionsClass): readonly ListedOption[] {
  return declarationsOf(commandClass).map((declaration) => ({
    flags: flagNames(declaration),
    ...(declaration.writtenAlone === undefined ? {} : { writtenAlone: declaration.writtenAlone }),
    takesValue: declaration.schema.valueName !== null,
    valueName: declaration.schema.valueName,
    values: declaration.schema.values ?? [],
    repeatable: declaration.schema.repeatable ?? false,
    help: declaration.help,
    group: declaration.group,
    defaultText: defaultTextOf(declaration),
    hidden: declaration.hidden ?? false,
  }));
}
