// Globs as lint, knip and turbo write them: `*`, `**`, `?` and braces.

/** `a/{b,c}/**` as `a/b/**` and `a/c/**`. */
export function expandBraces(glob) {
  const found = /\{([^{}]*)\}/.exec(glob);
  if (!found) return [glob];
  const [before, after] = [glob.slice(0, found.index), glob.slice(found.index + found[0].length)];
  return found[1].split(',').flatMap((each) => expandBraces(before + each + after));
}

/** A regular expression for a glob without braces. */
export function globPattern(glob) {
  const source = glob.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}
