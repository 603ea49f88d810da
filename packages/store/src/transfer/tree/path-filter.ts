import { matchesGlob } from 'node:path';

/** Globs as a shell has them, with `**`; one without a `/` fits a name in any folder. */
export interface PathPatterns {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export type PathFilter = (path: string) => boolean;

/** Takes what fits `include` (everything, where there is none) and does not fit `exclude`. */
export function pathFilter({ include = [], exclude = [] }: PathPatterns): PathFilter {
  const fits = (path: string) => (pattern: string) =>
    matchesGlob(pattern.includes('/') ? path : (path.split('/').at(-1) ?? path), pattern);
  return (path) => (include.length === 0 || include.some(fits(path))) && !exclude.some(fits(path));
}
