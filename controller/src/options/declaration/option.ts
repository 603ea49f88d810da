import { Option } from 'clipanion';
import { RefusedValue } from '../values/value-schema.ts';
import { wrongValue } from '../values/wrong-value.ts';
import { defaultOf, defaultTextOf, flagNames, type OptionDeclaration, type OptionValue } from './option-declaration.ts';

/**
 * Description of an option that old command lines have and that changes nothing: it is taken and not shown. Clipanion's own
 * `hidden` would leave it out of the definition too, from which a slip in another option is told.
 */
export const WITHOUT_EFFECT = 'without effect';

type FieldSpec<T> = Parameters<typeof Option.makeCommandOption<T>>[0];
type Builder = Parameters<FieldSpec<unknown>['definition']>[0];
type GivenOptions = readonly { readonly name: string; readonly value: unknown }[];

/** What stands in the field of a command class until a command line is read. */
interface OptionField {
  /** By their names in the field's value; a field of one option has it under ''. */
  readonly declarations: Readonly<Record<string, OptionDeclaration>>;
}

/**
 * The field of a command class for an option: `limit = option(listOptions.limit)`. Reading the command line puts the
 * checked value there. Errors while reading: `usage`, with the flag as it was written.
 */
export function option<const D extends OptionDeclaration>(declaration: D): OptionValue<D> {
  const spec: FieldSpec<OptionValue<D>> & OptionField = {
    declarations: { '': declaration },
    definition: (builder) => define(builder, declaration),
    transformer: (_builder, _field, { options }) => read(declaration, options) as OptionValue<D>,
  };
  return Option.makeCommandOption(spec);
}

/** The values of several options, under the names of their declarations. */
export type OptionValues<S extends Readonly<Record<string, OptionDeclaration>>> = {
  readonly [N in keyof S]: OptionValue<S[N]>;
};

/** One field for several options, for what a command only passes on: `given = optionSet(machineOptions)`. Errors: as `option`. */
export function optionSet<const S extends Readonly<Record<string, OptionDeclaration>>>(
  declarations: S,
): OptionValues<S> {
  const all = Object.entries(declarations);
  const spec: FieldSpec<OptionValues<S>> & OptionField = {
    declarations,
    definition(builder) {
      for (const [, declaration] of all) if (declaration.flag !== null) define(builder, declaration);
    },
    transformer: (_builder, _field, { options }) =>
      Object.fromEntries(all.map(([name, declaration]) => [name, read(declaration, options)])) as OptionValues<S>,
  };
  return Option.makeCommandOption(spec);
}

function define(builder: Builder, declaration: OptionDeclaration): void {
  const takesNone = declaration.schema.valueName === null;
  const names = [...flagNames(declaration)];
  builder.addOption({ names, arity: takesNone ? 0 : 1, allowBinding: !takesNone, description: helpOf(declaration) });
}

/** The line of help: what it does and its default. */
function helpOf(declaration: OptionDeclaration): string {
  if (declaration.hidden === true) return WITHOUT_EFFECT;
  const text = defaultTextOf(declaration);
  return text === null ? declaration.help : `${declaration.help} (default: ${text})`;
}

function read(declaration: OptionDeclaration, options: GivenOptions): unknown {
  const { key, schema } = declaration;
  const names = flagNames(declaration);
  const given = options.filter(({ name }) => names.includes(name));
  const last = given.at(-1);
  if (last === undefined) return key === undefined ? defaultOf(declaration) : undefined;
  const value = schema.repeatable === true ? given.map((each) => each.value) : last.value;
  const checked = schema.read(value);
  if (!(checked instanceof RefusedValue)) return checked;
  throw wrongValue({ kind: 'flag', name: last.name }, schema, { given: value, refused: checked });
}

/** A command class, as far as its options go. */
export type OptionsClass = new () => object;

/** What declares the options of a command class, in the order of its fields: inherited ones first. */
export function declarationsOf(commandClass: OptionsClass): readonly OptionDeclaration[] {
  return fieldsOf(commandClass).flatMap(([, { declarations }]) =>
    Object.values(declarations).filter(({ flag }) => flag !== null),
  );
}

/** The options of a command whose command line was read, each with its value; undefined where it was not given. */
export function optionValues(
  command: object,
): readonly { readonly declaration: OptionDeclaration; readonly value: unknown }[] {
  return fieldsOf(command.constructor as OptionsClass).flatMap(([field, { declarations }]) => {
    const value: unknown = command[field as keyof typeof command];
    return Object.entries(declarations).map(([name, declaration]) => ({
      declaration,
      value: name === '' ? value : (value as Readonly<Record<string, unknown>>)[name],
    }));
  });
}

/** The settings that a command line gives, by their keys. */
export function givenSettings(command: object): Readonly<Record<string, unknown>> {
  const given = optionValues(command).filter(
    ({ declaration, value }) => declaration.key !== undefined && value !== undefined,
  );
  return Object.fromEntries(given.map(({ declaration, value }) => [declaration.key, value]));
}

function fieldsOf(commandClass: OptionsClass): readonly (readonly [field: string, OptionField])[] {
  return Object.entries(new commandClass()).filter(
    (entry): entry is [string, OptionField] =>
      typeof entry[1] === 'object' && entry[1] !== null && 'declarations' in entry[1],
  );
}
