import type { ProviderEvent } from '@runctl/provider';
import { describe, expect, test } from 'vitest';
import { CapacityProblems } from './capacity-problems.ts';
import { hopelessReason } from './hopeless.ts';

const offers = ['a', 'b'].map((zone) => ({ machineType: 'g5.xlarge', location: zone }));
const wanted = { offers, quotaMayFreeUp: false };

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
  test.each(['config-invalid', 'access-denied', 'user-data-too-large'] as const)(
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

  test('over its quota is hopeless unless machines may still give theirs back', () => {
    const quota = problem({ errorCode: 'quota-exceeded', blocksLaunch: true });
    expect(hopelessReason([quota], wanted)?.code).toBe('quota-exceeded');
    expect(hopelessReason([quota], { ...wanted, quotaMayFreeUp: true })).toBeNull();
    expect(hopelessReason([quota, problem({}, 'b')], wanted)).toBeNull();
  });

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
});
