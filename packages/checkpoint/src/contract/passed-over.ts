/** Something in a checkpoint folder that is no part of any checkpoint. */
export interface PassedOver {
  /** Relative to the checkpoint folder, with `/`. */
  readonly path: string;
  /** For people: completes "`path` …". */
  readonly why: string;
  /** The end of the workload may have cut it off. */
  readonly cutOff?: true;
}
