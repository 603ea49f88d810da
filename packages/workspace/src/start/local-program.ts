import { isAbsolute } from 'node:path';
import { interpreterLine } from '../interpreter.ts';

/** Where programs of a system lie on any machine. */
const SYSTEM = /^\/(usr|bin|sbin|opt)\//;

/** A note on a program that may lie on this computer only. */
export function localProgramNotes(program: string): readonly string[] {
  if (!isAbsolute(program) || SYSTEM.test(program)) return [];
  return [`${program} is a path of this computer: it must be on the machine too`];
}

/** The same for the program that the `#!` line of a file names. */
export async function localLineNotes(path: string, asGiven: string): Promise<readonly string[]> {
  const [program = ''] = (await interpreterLine(path).catch(() => null)) ?? [];
  return localProgramNotes(program).map((note) => `${note} (the first line of ${asGiven} names it)`);
}
