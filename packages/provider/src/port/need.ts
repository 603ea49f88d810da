/** How many of something: from `least` to `most`; null = any number from there on. */
export interface CountRange {
  readonly least: number;
  readonly most: number | null;
}

/** What a machine must have, for whoever names no types. Null = whatever it is. */
export interface MachineNeed {
  /**
   * Accelerators of a name as their maker gives it (`A10G`), or of any. Where the provider chooses the types they get one image: a
   * number alone means those of its usual one, and null none at all.
   */
  readonly gpus: { readonly name: string | null; readonly count: CountRange } | null;
  readonly cpus: CountRange | null;
  readonly memoryGiB: CountRange | null;
}
