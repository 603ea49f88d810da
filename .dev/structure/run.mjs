// Runs every rule, applies the two lists, and says what to do.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentedPaths } from './documented-paths.mjs';
import { folderCycles } from './folder-cycles.mjs';
import { forbiddenImports } from './imports.mjs';
import { judgeFindings, rewriteNotYet } from './lists.mjs';
import { homonyms } from './one-meaning.mjs';
import { rulePlaces } from './rule-places.mjs';
import { sizes } from './sizes.mjs';
import { readSourceTree } from './source-tree.mjs';
import { noticeAsYardstick, providerWords } from './words.mjs';

const NOT_YET = '.dev/structure/not-yet.json';
const EXCEPTIONS = '.dev/structure/exceptions.json';

/** Everything that breaks a rule, listed or not. */
export async function findingsOf(root) {
  const counting = sizes({ root, members: membersFirst(root) });
  const tree = readSourceTree(root);
  const seen = [
    folderCycles,
    providerWords,
    noticeAsYardstick,
    forbiddenImports,
    homonyms,
    rulePlaces,
    documentedPaths,
  ].flatMap((rule) => rule(tree));
  return [...seen, ...(await counting)];
}

/** oxlint counts while the sources are read. */
const membersFirst = (root) => ['packages', 'agent', 'controller'].filter((folder) => existsSync(join(root, folder)));

/** @returns {Promise<number>} the exit code */
export async function runStructure(root, args, print) {
  const findings = await findingsOf(root);
  const lists = { notYet: readJson(root, NOT_YET, {}), exceptions: readJson(root, EXCEPTIONS, []) };
  if (args.includes('--measure')) return measure(findings, print);
  if (args.includes('--rewrite')) return rewrite(root, { findings, lists, print });
  const { failing, mended, unneeded, unexplained } = judgeFindings(findings, lists);
  for (const message of new Set(failing.map(({ rule, message }) => `${rule}: ${message}`))) print(message);
  for (const { rule, place } of mended) print(`${NOT_YET}: ${rule} ${place} is mended: delete the entry`);
  for (const { rule, place } of unneeded) print(`${EXCEPTIONS}: ${rule} ${place} is not needed: delete the entry`);
  for (const { rule, place } of unexplained) print(`${EXCEPTIONS}: ${rule} ${place} has no reason`);
  if (mended.length > 0 || (failing.length > 0 && existsSync(join(root, NOT_YET))))
    print(
      `hint: node .dev/structure.mjs --rewrite takes mended entries out of ${NOT_YET} and follows files that moved`,
    );
  return failing.length + mended.length + unneeded.length + unexplained.length > 0 ? 1 : 0;
}

function rewrite(root, { findings, lists, print }) {
  const { next, grown } = rewriteNotYet(findings, lists);
  for (const rule of grown) {
    const known = new Set(lists.notYet[rule] ?? []);
    print(
      `${NOT_YET} may only shrink, and ${rule} would grow from ${known.size} to ${next[rule].length}; not listed before:`,
    );
    for (const finding of findings)
      if (finding.rule === rule && !known.has(finding.place)) print(`  ${finding.message}`);
  }
  if (grown.length > 0) return 1;
  const file = join(root, NOT_YET);
  if (Object.keys(next).length === 0) rmSync(file, { force: true });
  else writeFileSync(file, `${JSON.stringify(next, null, 2)}\n`);
  return 0;
}

const byName = (a, b) => a.localeCompare(b);

function measure(findings, print) {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort(byName);
  for (const rule of rules) {
    const places = [...new Set(findings.filter((each) => each.rule === rule).map(({ place }) => place))].sort(byName);
    print(`${rule}: ${places.length}`);
    for (const place of places) print(`  ${place}`);
  }
  return 0;
}

function readJson(root, file, absent) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : absent;
}
