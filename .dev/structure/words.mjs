// The words of one provider name nothing outside its folders, and the length of a notice measures nothing else.
import { NOTICE, PROVIDER_WORDS } from './layout.mjs';

const below = (path, places) => places.some((place) => path === place || path.startsWith(`${place}/`));

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function providerWords(tree, words = PROVIDER_WORDS) {
  const allowed = (path) => below(path, words.allowed);
  return tree.files
    .filter((file) => !allowed(file.path))
    .flatMap((file) => {
      const found = [
        ...file.names.filter(({ name }) => words.pattern.test(name)),
        ...file.codes
          .filter(({ name }) => words.codes.test(name))
          .map(({ name, line }) => ({ name: `'${name}'`, line })),
        ...file.imports
          .filter(({ specifier, target }) => words.pattern.test(specifier) && !(target && allowed(target)))
          .map(({ specifier, line }) => ({ name: `'${specifier}'`, line })),
      ];
      // Who may import an adapter may say its name.
      const imported = new Set(
        file.imports.filter(({ target }) => target && allowed(target)).flatMap(({ names }) => names),
      );
      const named = found.filter(({ name }) => !imported.has(name));
      if (words.pattern.test(file.path)) named.unshift({ name: 'its own path', line: 1 });
      if (named.length === 0) return [];
      const shown = [...new Map(named.map(({ name, line }) => [name, `${name} (line ${line})`])).values()];
      const some = shown.slice(0, 5).join(', ') + (shown.length > 5 ? ` and ${shown.length - 5} more` : '');
      return [{ rule: 'provider-word', place: file.path, message: `${file.path} names ${some}: ${words.instead}` }];
    });
}

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function noticeAsYardstick(tree, notice = NOTICE) {
  return tree.files
    .filter((file) => !below(file.path, notice.allowed))
    .flatMap((file) =>
      file.scaled
        .filter(({ name }) => name === notice.name)
        .map(({ line }) => ({
          rule: 'notice-as-yardstick',
          place: file.path,
          message: `${file.path}:${line} derives a time from ${notice.name}: ${notice.instead}`,
        })),
    );
}
