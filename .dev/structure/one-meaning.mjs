// One exported name has one declaration in the repository. A schema and its type in one file are one.

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function homonyms(tree) {
  const places = new Map();
  for (const file of tree.files)
    for (const { name, line } of file.exported) {
      const known = places.get(name) ?? places.set(name, new Map()).get(name);
      if (!known.has(file.path)) known.set(file.path, line);
    }
  return [...places]
    .filter(([, files]) => files.size > 1)
    .map(([name, files]) => ({
      rule: 'homonym',
      place: name,
      message:
        `${name} is exported by ${[...files].map(([path, line]) => `${path}:${line}`).join(', ')}: ` +
        'give each meaning a name of its own, or let one pass the other on',
    }));
}
