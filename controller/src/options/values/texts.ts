import { RefusedValue, type ValueSchema } from './value-schema.ts';

export interface TextRule {
  /** Completes "takes …". */
  readonly takes: string;
  readonly example: string;
  readonly valueName: string;
  /** Default: every text that is not empty. */
  readonly pattern?: RegExp;
  /** Why a text is refused although it fits the pattern, completing "takes …"; null = it is not. */
  readonly refuses?: (text: string) => string | null;
  /** What was probably meant by a text that does not fit; null = no idea. */
  readonly guess?: (text: string) => string | null;
}

/** A text that is not empty. */
export function textThat(rule: TextRule): ValueSchema<string> {
  const { takes, example, valueName, pattern = /./s, refuses, guess } = rule;
  return {
    takes,
    example,
    valueName,
    read(given) {
      if (typeof given !== 'string') return new RefusedValue({ takes: 'a text in quotes' });
      if (given.trim() === '') return new RefusedValue();
      if (!pattern.test(given)) return refusedWith(guess?.(given) ?? null);
      const reason = refuses?.(given) ?? null;
      return reason === null ? given : new RefusedValue({ takes: reason });
    },
  };
}

const refusedWith = (meant: string | null): RefusedValue => new RefusedValue(meant === null ? {} : { meant });

/** The text of `schema`, or an empty one that means something of its own. */
export function orEmpty(schema: ValueSchema<string>): ValueSchema<string> {
  return { ...schema, read: (given) => (given === '' ? '' : schema.read(given)) };
}

/** A TOML array, one text with commas, or the texts of a repeated flag, each perhaps with commas. Never empty. */
export function listOf(each: ValueSchema<string>, takes: string): ValueSchema<readonly string[]> {
  return {
    takes,
    example: each.example,
    valueName: each.valueName,
    repeatable: true,
    read(given) {
      const texts = typeof given === 'string' ? [given] : given;
      if (!isTexts(texts)) return new RefusedValue({ takes: 'a list' });
      const items = texts
        .flatMap((text) => text.split(','))
        .map((item) => item.trim())
        .filter((item) => item !== '');
      // TOML's empty array says "none"; a text without anything in it is a slip, such as a shell variable that is not set.
      if (texts.some((text) => text.replaceAll(',', '').trim() === '')) return new RefusedValue({ part: '' });
      const wrong = items.find((item) => each.read(item) instanceof RefusedValue);
      return wrong === undefined ? items : new RefusedValue({ part: wrong });
    },
  };
}

/** The values of a repeated flag as they are, commas included. */
export function repeated(each: ValueSchema<string>): ValueSchema<readonly string[]> {
  return {
    ...each,
    repeatable: true,
    read(given) {
      const texts = typeof given === 'string' ? [given] : given;
      if (!isTexts(texts)) return new RefusedValue({ takes: 'a list' });
      const wrong = texts.find((text) => each.read(text) instanceof RefusedValue);
      return wrong === undefined ? texts : new RefusedValue({ part: wrong });
    },
  };
}

const isTexts = (given: unknown): given is readonly string[] =>
  Array.isArray(given) && given.every((item) => typeof item === 'string');
