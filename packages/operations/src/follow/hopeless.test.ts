import type { ProviderEvent } from '@runctl/provider';
import { describe, expect, test } from 'vitest';
import { CapacityProblems } from './capacity-problems.ts';
import { hopelessReason } from './hopeless.ts';

const offers = ['a', 'b'].map((zone) => ({ machineType: 'g5.xlarge', location: zone }));
const wanted = { offers, isSettled: true };

function problem(changes: Partial<ProviderEvent>, location: string | null = null): ProviderEvent {
  return {
    atMs: 0,
    kind: 'error',
    code: 'Word',
    errorCode: 'no-capacity',
    hint: 'do something',
    message: 'the reason',
    machineId: null,
    offer: location === null ? null : { machineType: 'g5.xlarge', location },
    market: null,
    restsUntilMs: null,
    blocksLaunch: false,
    ...changes,
  };
}

describe('a launch without a machine', () => {
  test.each(['config-invalid', 'user-data-too-large'] as const)(
    'is hopeless by one word of %s, wherever it was said',
    (errorCode) => {
      const error = hopelessReason([problem({ errorCode }, 'a')], wanted);
      expect(error).toMatchObject({ code: errorCode, details: { hopeless: true }, hint: 'do something' });
    },
  );

  test.each(['no-capacity', 'cloud-error', 'cloud-unreachable'] as const)('is not hopeless by %s', (errorCode) => {
    const said = [problem({ errorCode }, 'a'), problem({ errorCode }, 'b'), problem({ errorCode, blocksLaunch: true })];
    expect(hopelessReason(said, wanted)).toBeNull();
  });

  test('is hopeless when each of its offers is wrong, and says so of each', () => {
    const here = problem({ errorCode: 'pool-invalid', message: 'not in this zone' }, 'a');
    expect(hopelessReason([here], wanted)).toBeNull();
    const there = problem({ errorCode: 'pool-invalid', message: 'not in that zone either' }, 'b');
    expect(hopelessReason([here, there], wanted)).toMatchObject({
      code: 'pool-invalid',
      message:
        'no machine can be made: g5.xlarge in a: not in this zone (Word); g5.xlarge in b: not in that zone either (Word)',
    });
  });

  test('is not hopeless while one of its offers merely has no room', () => {
    const said = [problem({ errorCode: 'pool-invalid' }, 'a'), problem({}, 'b')];
    expect(hopelessReason(said, wanted)).toBeNull();
    // Nor where the provider lets everything rest because of it.
    expect(hopelessReason([...said, problem({ errorCode: 'pool-invalid', blocksLaunch: true })], wanted)).toBeNull();
  });

  test('a reason that holds for a type holds wherever it is', () => {
    const ofType = problem({ errorCode: 'pool-invalid', offer: { machineType: 'g5.xlarge', location: null } });
    expect(hopelessReason([ofType], wanted)?.code).toBe('pool-invalid');
    expect(
      hopelessReason([ofType], { ...wanted, offers: [...offers, { machineType: 'g6.xlarge', location: 'a' }] }),
    ).toBeNull();
  });

  test('over its quota waits, since others that nobody here sees may give theirs back', () => {
    const quota = problem({ errorCode: 'quota-exceeded', blocksLaunch: true });
    expect(hopelessReason([quota], wanted)).toBeNull();
    expect(hopelessReason([problem(quota, 'a'), problem(quota, 'b')], wanted)).toBeNull();
  });

  test('over a quota in which no machine has room is hopeless', () => {
    const quota = problem({ errorCode: 'quota-exceeded', blocksLaunch: true, nature: 'lasting' });
    expect(hopelessReason([quota], wanted)?.code).toBe('quota-exceeded');
    expect(hopelessReason([quota, problem({}, 'b')], wanted)).toBeNull();
    expect(hopelessReason([{ ...quota, nature: 'no-reason' }], wanted)).toBeNull();
  });

  test('a refusal of one offer is that of one, and of the launch as a whole that of all', () => {
    const refused = { errorCode: 'access-denied' } as const;
    expect(hopelessReason([problem(refused, 'a')], wanted)).toBeNull();
    expect(hopelessReason([problem(refused, 'a'), problem({}, 'b')], wanted)).toBeNull();
    expect(hopelessReason([problem(refused, 'a'), problem(refused, 'b')], wanted)?.code).toBe('access-denied');
    expect(hopelessReason([problem(refused)], wanted)?.code).toBe('access-denied');
  });

  test.each(['config-invalid', 'access-denied'] as const)(
    '%s is no proof while what was just made may not be known everywhere',
    (errorCode) => {
      const said = [problem({ errorCode, nature: 'settling' })];
      expect(hopelessReason(said, { ...wanted, isSettled: false })).toBeNull();
      expect(hopelessReason(said, wanted)?.code).toBe(errorCode);
      expect(hopelessReason([problem({ errorCode })], { ...wanted, isSettled: false })?.code).toBe(errorCode);
    },
  );

  test.each(['config-invalid', 'access-denied', 'pool-invalid'] as const)(
    'an error without a reason of its own proves nothing by the %s that it shows, nor speaks against what others prove',
    (errorCode) => {
      const shown = problem({ errorCode, nature: 'no-reason', blocksLaunch: true });
      expect(hopelessReason([shown], wanted)).toBeNull();
      expect(hopelessReason([shown, problem({ errorCode: 'pool-invalid' }, 'a')], wanted)).toBeNull();
      const both = ['a', 'b'].map((zone) => problem({ errorCode: 'pool-invalid' }, zone));
      const cut = problem({ nature: 'no-reason', offer: { machineType: 'g5.xlarge', location: null } });
      expect(hopelessReason([...both, shown, cut], wanted)?.code).toBe('pool-invalid');
    },
  );

  test('of which the offers are not known is not called hopeless by an offer', () => {
    expect(hopelessReason([problem({ errorCode: 'pool-invalid' }, 'a')], { ...wanted, offers: [] })).toBeNull();
  });
});

describe('what is kept of what a provider said', () => {
  test('is the newest of each offer, whichever way round it comes', () => {
    const problems = new CapacityProblems();
    for (const event of [
      problem({ atMs: 2, message: 'newer' }, 'a'),
      problem({ atMs: 1, message: 'older' }, 'a'),
      problem({ atMs: 1, message: 'there' }, 'b'),
      problem({ atMs: 1, kind: 'machine', message: 'no error' }),
      problem({ atMs: 3, market: 'spot', code: 'Other', message: 'of spot' }),
    ])
      problems.add(event);
    expect(problems.list().map(({ message }) => message)).toEqual(['newer', 'there', 'of spot']);
    expect(problems.of('on-demand').map(({ message }) => message)).toEqual(['newer', 'there']);
  });

  test('is not taken away by a later error that gives no reason', () => {
    const problems = new CapacityProblems();
    problems.add(problem({ atMs: 1, nature: 'no-reason', message: 'Value' }, 'a'));
    problems.add(problem({ atMs: 2, errorCode: 'config-invalid', message: 'no such profile' }, 'a'));
    problems.add(problem({ atMs: 3, nature: 'no-reason', message: 'Value' }, 'a'));
    expect(problems.list().map(({ message }) => message)).toEqual(['no such profile']);
    problems.add(problem({ atMs: 4, message: 'nothing there' }, 'a'));
    expect(problems.list().map(({ message }) => message)).toEqual(['nothing there']);
  });
});
