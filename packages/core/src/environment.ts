/** Variables of a process's environment as a value. Undefined stands for a variable that must not be set. */
export type Environment = Readonly<Record<string, string | undefined>>;
