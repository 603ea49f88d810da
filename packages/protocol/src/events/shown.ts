/** A value that is only looked at, all the way down. */
export type Shown<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Shown<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Shown<T[Key]> }
      : T;
