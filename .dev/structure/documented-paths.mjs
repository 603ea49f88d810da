// Every path that a page names exists: in backticks (`agent/src/life/`, `…/restore/` beside the path before it) and in links.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** Pages that tell people what to open. */
const isPage = (path) =>
  /^[^/]+\.md$|^(docs|packages\/[^/]+|agent|controller|e2e|examples|\.dev)\/(.*\/)?[^/]+\.md$/.test(path);
const TOP = /^(packages|agent|controller|e2e|docs|examples|\.dev|\.ci)\//;

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function documentedPaths(tree) {
  const known = new Set(tree.paths);
  for (const path of tree.paths)
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) known.add(folder);
  return tree.paths.filter(isPage).flatMap((page) =>
    pathsIn(readFileSync(join(tree.root, page), 'utf8'), page)
      .filter(({ path }) => !known.has(path))
      .map(({ path, line }) => ({
        rule: 'documented-path',
        place: `${page}: ${path}`,
        message: `${page}:${line} names ${path}, which does not exist: name where it is now`,
      })),
  );
}

function pathsIn(text, page) {
  return text.split('\n').flatMap((content, index) => {
    const line = index + 1;
    let before = '';
    const quoted = [...content.matchAll(/`([^`]+)`/g)]
      .flatMap(([, span]) => span.split(/\s+/))
      .flatMap((word) => {
        const path = word.startsWith('…/') && before !== '' ? posix.join(posix.dirname(before), word.slice(2)) : word;
        if (!TOP.test(path) || /[*{]/.test(path)) return [];
        before = whole(path);
        return [{ path: before, line }];
      });
    const links = [...content.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .filter(([, target]) => !/^[a-z]+:/.test(target))
      .map(([, target]) => ({ path: whole(posix.join(posix.dirname(page), target)), line }));
    return [...quoted, ...links];
  });
}

/** Without the slash of a folder, and up to the first placeholder (`commands/<path>.ts`). */
const whole = (path) =>
  posix.normalize(path.includes('<') ? posix.dirname(path.slice(0, path.indexOf('<') + 1)) : path).replace(/\/$/, '');
