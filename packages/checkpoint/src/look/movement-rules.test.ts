import { expect, test } from 'vitest';
import { movementRules, type MovementSigns, rulingOn } from './movement-rules.ts';

const BOOLEAN_SIGNS = [
  'doubtful',
  'lacking',
  'longStill',
  'arrived',
  'maybeAlone',
  'alone',
  'steppedLikeBefore',
  'oneFile',
  'wholeInOneFile',
  'marked',
] as const;

/** Every combination of signs. */
function allSigns(): readonly MovementSigns[] {
  const flags = Array.from({ length: 2 ** BOOLEAN_SIGNS.length }, (_, bits) =>
    Object.fromEntries(BOOLEAN_SIGNS.map((sign, index) => [sign, (bits & (1 << index)) !== 0])),
  );
  return (['running', 'clean', 'killed'] as const).flatMap((end) =>
    (['none', 'one', 'several'] as const).flatMap((moving) =>
      flags.map((each) => ({ end, moving, ...each }) as MovementSigns),
    ),
  );
}

/** The signs beside which no other changes the ruling, each combination once. */
function decidingSigns(): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const signs of allSigns()) {
    const asked = new Set<string>();
    const watched = new Proxy(signs, {
      get: (target, sign) => {
        asked.add(String(sign));
        return target[sign as keyof MovementSigns];
      },
    });
    const ruling = rulingOn(watched);
    const named = Array.from(asked, (sign) => {
      const value = signs[sign as keyof MovementSigns];
      return value === true ? sign : value === false ? `not ${sign}` : value;
    });
    table.set(named.join(', '), ruling);
  }
  return table;
}

test('the decision about movement, sign by sign', () => {
  const lines = Array.from(decidingSigns(), ([signs, ruling]) => `${signs}: ${ruling}`).toSorted();
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "clean: open
    killed, doubtful: doubtful
    killed, not doubtful, lacking: lacking at the kill
    killed, not doubtful, not lacking, none: open
    killed, not doubtful, not lacking, one, not steppedLikeBefore, not oneFile, marked: open
    killed, not doubtful, not lacking, one, not steppedLikeBefore, not oneFile, not marked, alone: open
    killed, not doubtful, not lacking, one, not steppedLikeBefore, not oneFile, not marked, not alone: cut off
    killed, not doubtful, not lacking, one, not steppedLikeBefore, oneFile: open
    killed, not doubtful, not lacking, one, steppedLikeBefore: open
    killed, not doubtful, not lacking, several, not steppedLikeBefore, not oneFile, marked: open
    killed, not doubtful, not lacking, several, not steppedLikeBefore, not oneFile, not marked: cut off
    killed, not doubtful, not lacking, several, not steppedLikeBefore, oneFile: open
    killed, not doubtful, not lacking, several, steppedLikeBefore: open
    running, doubtful: doubtful
    running, not doubtful, none, lacking, longStill: open
    running, not doubtful, none, lacking, not longStill: lacking
    running, not doubtful, none, not lacking: open
    running, not doubtful, one, arrived: open
    running, not doubtful, one, not arrived, maybeAlone: open
    running, not doubtful, one, not arrived, not maybeAlone, not wholeInOneFile: moving
    running, not doubtful, one, not arrived, not maybeAlone, wholeInOneFile: open
    running, not doubtful, several, arrived: open
    running, not doubtful, several, not arrived: moving"
  `);
});

test('each rule decides about something', () => {
  const deciding = new Set(
    allSigns().map((signs) =>
      movementRules.find(({ when }) =>
        Object.entries(when).every(([sign, value]) => signs[sign as keyof MovementSigns] === value),
      ),
    ),
  );
  expect(deciding.size).toBe(movementRules.length);
  expect(deciding).not.toContain(undefined);
});
