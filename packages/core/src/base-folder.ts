import { isAbsolute, join } from 'node:path';
import type { Environment } from './environment.ts';

const IN_HOME = {
  XDG_CACHE_HOME: '.cache',
  XDG_CONFIG_HOME: '.config',
  XDG_STATE_HOME: '.local/state',
} as const;

/**
 * A base folder of a user's files, absolute. A variable that is empty or not absolute counts as unset
 * (https://specifications.freedesktop.org/basedir-spec/latest/).
 */
export function baseFolder(
  variable: keyof typeof IN_HOME,
  { environment, home }: { readonly environment: Environment; readonly home: string },
): string {
  const folder = environment[variable] ?? '';
  return isAbsolute(folder) ? folder : join(home, IN_HOME[variable]);
}
