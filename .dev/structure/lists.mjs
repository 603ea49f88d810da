// What the tree may break: exceptions.json for good, each with its reason; not-yet.json until it is mended.

/**
 * @typedef {{ rule: string, place: string, message: string }} Finding
 * @typedef {Record<string, string[]>} NotYet places by rule
 * @typedef {{ rule: string, place: string, reason: string }} Exception
 */

/**
 * Splits findings into those that fail the check and entries of the lists that no finding needs.
 * @param {Finding[]} findings
 * @param {{ notYet: NotYet, exceptions: Exception[] }} lists
 */
export function judgeFindings(findings, { notYet, exceptions }) {
  const keyOf = ({ rule, place }) => `${rule} ${place}`;
  const found = new Set(findings.map(keyOf));
  const pending = Object.entries(notYet).flatMap(([rule, places]) => places.map((place) => ({ rule, place })));
  const listed = new Set([...pending, ...exceptions].map(keyOf));
  return {
    failing: findings.filter((finding) => !listed.has(keyOf(finding))),
    mended: pending.filter((entry) => !found.has(keyOf(entry))),
    unneeded: exceptions.filter((entry) => !found.has(keyOf(entry))),
    unexplained: exceptions.filter((entry) => !entry.reason),
  };
}

/**
 * The list as the tree needs it now, and the rules by which it would grow.
 * @param {Finding[]} findings
 * @param {{ notYet: NotYet, exceptions: Exception[] }} lists
 */
export function rewriteNotYet(findings, { notYet, exceptions }) {
  const excepted = new Set(exceptions.map(({ rule, place }) => `${rule} ${place}`));
  /** @type {NotYet} */
  const next = {};
  for (const { rule, place } of findings)
    if (!excepted.has(`${rule} ${place}`) && !next[rule]?.includes(place)) (next[rule] ??= []).push(place);
  const sorted = Object.fromEntries(
    Object.keys(next)
      .sort()
      .map((rule) => [rule, next[rule].sort()]),
  );
  const grown = Object.keys(sorted).filter((rule) => sorted[rule].length > (notYet[rule]?.length ?? 0));
  return { next: sorted, grown };
}
