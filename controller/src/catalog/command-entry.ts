import type { BaseContext, CommandClass } from 'clipanion';

/** One command as overviews and suggestions name it. */
export interface CommandSummary {
  readonly path: readonly string[];
  readonly summary: string;
  /** Section of the overview; null for a command that its group stands for. */
  readonly section: SectionName | null;
  /** Works, and is named nowhere. */
  readonly hidden: boolean;
}

/** Several commands whose paths begin alike, as the overview names them. */
export interface CommandGroup {
  readonly summary: string;
  /** Null for a group in a group. */
  readonly section: SectionName | null;
}

/** Parts of the overview, in its order. */
export const sections = {
  runs: 'runs',
  rehearsal: 'rehearsal without an account',
  data: 'checkpoints and files',
  account: 'machines and account',
  tool: 'runctl itself',
} as const;
export type SectionName = keyof typeof sections;

/** An option as completion and suggestions need it. */
export interface IndexedOption {
  /** Every spelling, the short one first. */
  readonly flags: readonly string[];
  /** Another flag, which means this one where no value of its own follows. */
  readonly writtenAlone?: string;
  /** What its value is called; null for a switch. */
  readonly valueName: string | null;
  /** The only values there are; empty where there are others. */
  readonly values: readonly string[];
  readonly repeatable: boolean;
  readonly help: string;
  /** Taken for the sake of old command lines, and never suggested. */
  readonly hidden: boolean;
}

/** What completion knows of a command beyond its summary. */
export interface CommandDetails {
  /** Words of its path, with a space between. */
  readonly path: string;
  /** Names of its arguments in order: `RUN`, `bash|zsh|fish`. */
  readonly args: readonly string[];
  /** Whether more arguments of the last kind may follow: a script's own. */
  readonly takesRest: boolean;
  readonly options: readonly IndexedOption[];
}

/** Every command and every group, as the overview names them. */
export interface CommandSummaries {
  readonly commands: readonly CommandSummary[];
  /** By the words of their path, with a space between. */
  readonly groups: Readonly<Record<string, CommandGroup>>;
}

/** The same with the way to each command's code. */
export interface CommandIndex extends CommandSummaries {
  readonly commands: readonly CommandEntry[];
}

export interface CommandEntry extends CommandSummary {
  load(): Promise<CommandClass<BaseContext>>;
}
