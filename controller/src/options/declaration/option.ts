import { Option } from 'clipanion';
import { RefusedValue } from '../values/value-schema.ts';
import { wrongValue } from '../values/wrong-value.ts';
import { defaultOf, defaultTextOf, flagNames, type OptionDeclaration, type OptionValue } from './option-declaration.ts';

/**
 * Description of an option that old command lines have and that changes nothing: it is taken and not shown. Clipanion's own
 * `hidden` would leave it out of the definition too, from which a slip in another option is told.
 */
export const WITHOUT_EFFECT = 'without effect';

/** What stands in the field of a command class until a command line is read. */
interface OptionField {
  readonly declaration: OptionDeclaration;
}

/**
 * The field of a command class for an option: `grace = option(checkpointOptions.grace)`. Reading the command line puts the
 * checked value there. Errors while reading: `usage`, with the flag as it was written.
 */
export function option<const D extends OptionDeclaration>(declaration: D): OptionValue<D> {
  const names = flagNames(declaration);
  const takesNone = declaration.schema.valueName === null;
  const spec: Parameters<typeof Option.makeCommandOption<OptionValue<D>>>[0] & OptionField = {
    declaration,
    definition(builder) {
      const arity = takesNone ? 0 : 1;
      builder.addOption({ names: [...names], arity, allowBinding: !takesNone, description: helpOf(declaration) });
    },
    transformer(_builder, _field, { options }) {
      const given = options.filter(({ name }) => names.includes(name));
      return read(declaration, given) as OptionValue<D>;
    },
  };
  return Option.makeCommandOption(spec);
}

/** The line of help: what it does and its default. */
export function helpOf(declaration: OptionDeclaration): string {
  if (declaration.hidden === true) return WITHOUT_EFFECT;
  const text = defaultTextOf(declaration);
  return text === null ? declaration.help : `${declaration.help} (default: ${text})`;
}

function read(
  declaration: OptionDeclaration,
  given: readonly { readonly name: string; readonly value: unknown }[],
): unknown {
  const { key, schema } = declaration;
  const last = given.at(-1);
  if (last === undefined) return key === undefined ? defaultOf(declaration) : undefined;
  const value = schema.repeatable === true ? given.map((each) => each.value) : last.value;
  const read = schema.read(value);
  if (!(read instanceof RefusedValue)) return read;
  throw wrongValue({ kind: 'flag', name: last.name }, schema, { given: value, refused: read });
}

/** A command class, as far as its options go. */
export type OptionsClass = new () => object;

/** Fields of a command class that hold options, with what declares them. */
export function optionFields(commandClass: OptionsClass): readonly (readonly [field: string, OptionDeclaration])[] {
  return Object.entries(new commandClass()).flatMap(([field, value]) => {
    const { declaration } = Object(value) as Partial<OptionField>;
    return declaration === undefined ? [] : [[field, declaration] as const];
  });
}
