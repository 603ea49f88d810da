// Who must not import whom (layout.mjs), and that the product imports no test code.
import { FORBIDDEN_IMPORTS } from './layout.mjs';
import { isTestCode } from './source-tree.mjs';

const below = (path, places) => places.some((place) => path === place || path.startsWith(`${place}/`));

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function forbiddenImports(tree, rules = FORBIDDEN_IMPORTS) {
  return tree.files.flatMap((file) =>
    file.imports.flatMap((each) => {
      const reasons = rules.filter((rule) => forbids(rule, file, each)).map((rule) => rule.instead);
      if (reachesTestCode(each))
        reasons.push('the product imports no test code: move what it needs out of testing/, or the importer into it');
      return reasons.map((instead) => ({
        rule: 'forbidden-import',
        place: file.path,
        message: `${file.path}:${each.line} imports ${each.specifier}: ${instead}`,
      }));
    }),
  );
}

function forbids(rule, file, { specifier, target }) {
  if (!below(file.path, rule.from) || below(file.path, rule.except ?? [])) return false;
  if (target !== null && below(target, rule.allowed ?? [])) return false;
  return (target !== null && below(target, rule.to ?? [])) || below(specifier, rule.specifiers ?? []);
}

const reachesTestCode = ({ specifier, target }) =>
  specifier.startsWith('@runctl/testkit') || (target !== null && isTestCode(target));
