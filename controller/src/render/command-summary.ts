/** One command as overviews, help and completion name it. */
export interface CommandSummary {
  readonly path: readonly string[];
  readonly summary: string;
  /** Not shown in the overview. */
  readonly hidden?: boolean;
}
