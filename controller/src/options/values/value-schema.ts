/**
 * What an option or a setting takes, and how it is read. Flags are read before anything is loaded or connected to, so a
 * schema is a few lines of its own: loading zod takes longer than showing a command's help.
 */
export interface ValueSchema<T> {
  /** Completes "--limit takes …": the kind with its range, such as `a whole number from 1 to 100`. */
  readonly takes: string;
  /** A value that could stand there, as a person types it; empty where any text could. */
  readonly example: string;
  /** Name of the value in help, such as `DURATION`; null for a switch, which takes none. */
  readonly valueName: string | null;
  /** The only values there are; left out where there are others. */
  readonly values?: readonly string[];
  /** A list: its flag may be repeated. */
  readonly repeatable?: boolean;
  /** Reads a text of a flag or a variable, texts of a repeated flag, or what TOML made of it. */
  read(given: unknown): T | RefusedValue;
}

/** A value was refused. What it says replaces what the schema says in general. */
export class RefusedValue {
  /** Completes "--prefix takes …" where the schema's own words would not name the slip. */
  readonly takes: string | undefined;
  /** The value that was probably meant. */
  readonly meant: string | undefined;
  /** Part of a list that was refused; undefined = all of it. */
  readonly part: string | undefined;

  constructor(why: { readonly takes?: string; readonly meant?: string; readonly part?: string } = {}) {
    this.takes = why.takes;
    this.meant = why.meant;
    this.part = why.part;
  }
}

export type ValueOf<S> = S extends { read(given: unknown): infer R } ? Exclude<R, RefusedValue> : never;
