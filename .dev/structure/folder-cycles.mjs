// No cycle between folders of a package, type imports included. `src/index.ts` stands outside: it passes everything on.
import { folderOf } from './source-tree.mjs';

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function folderCycles(tree) {
  return tree.members.flatMap((member) => {
    const files = tree.files.filter((file) => file.member === member && file.path !== `${member}/src/index.ts`);
    const edges = folderEdges(files, member);
    return knots([...new Set(files.map((file) => folderOf(file.path)))], edges).flatMap((knot) => {
      const message = `cycle between folders: ${describe(knot, edges, member)}; move what both need below them, or out`;
      return knot.map((folder) => ({ rule: 'folder-cycle', place: folder, message }));
    });
  });
}

function folderEdges(files, member) {
  const edges = new Map();
  for (const file of files)
    for (const { target } of file.imports) {
      if (!target?.startsWith(`${member}/src/`)) continue;
      const [from, to] = [folderOf(file.path), folderOf(target)];
      if (from === to || target === `${member}/src/index.ts`) continue;
      const targets = edges.get(from) ?? edges.set(from, new Map()).get(from);
      if (!targets.has(to)) targets.set(to, `${file.path} imports ${target}`);
    }
  return edges;
}

/** The shortest way from a folder of the knot back to it, each step with one import that makes it. */
function describe(knot, edges, member) {
  const shortest = knot.map((folder) => wayBack(folder, edges)).sort((a, b) => a.length - b.length)[0];
  const short = (path) => path.replace(`${member}/src`, '').replace(/^\//, '') || '.';
  const names = [...shortest.map(([from]) => short(from)), short(shortest[0][0])].join(' → ');
  const proof = shortest.map(([, , why]) => why).join('; ');
  return `${member}/src has ${knot.length} folders in a knot, e.g. ${names} (${proof})`;
}

function wayBack(start, edges) {
  const queue = [[start, []]];
  const seen = new Set();
  for (const [folder, way] of queue)
    for (const [to, why] of edges.get(folder) ?? []) {
      const further = [...way, [folder, to, why]];
      if (to === start) return further;
      if (!seen.has(to)) {
        seen.add(to);
        queue.push([to, further]);
      }
    }
  return [];
}

/** Strongly connected folders, by Tarjan's algorithm. */
function knots(folders, edges) {
  const [index, low, open, stack, found] = [new Map(), new Map(), new Set(), [], []];
  const enter = (folder) => {
    index.set(folder, index.size);
    low.set(folder, index.get(folder));
    stack.push(folder);
    open.add(folder);
    for (const to of edges.get(folder)?.keys() ?? []) {
      if (!index.has(to)) enter(to);
      if (open.has(to)) low.set(folder, Math.min(low.get(folder), low.get(to)));
    }
    if (low.get(folder) !== index.get(folder)) return;
    const knot = stack.splice(stack.indexOf(folder));
    for (const each of knot) open.delete(each);
    if (knot.length > 1) found.push(knot);
  };
  for (const folder of folders) if (!index.has(folder)) enter(folder);
  return found;
}
