import { expect, test } from 'vitest';
import { deletionFailure } from './fleet-ender.ts';

const answer = (inner: string) => `<DeleteFleetsResponse>${inner}</DeleteFleetsResponse>`;

test('a fleet in the set of successes is deleted', () => {
  const xml = answer(
    '<successfulFleetDeletionSet><item><fleetId>fleet-1</fleetId></item></successfulFleetDeletionSet><unsuccessfulFleetDeletionSet/>',
  );
  expect(deletionFailure(xml, 'fleet-1')).toBeNull();
});

test('finds the failure that EC2 hides in a 200', () => {
  const xml = answer(
    '<unsuccessfulFleetDeletionSet><item><error><code>unexpectedError</code></error><fleetId>fleet-1</fleetId></item></unsuccessfulFleetDeletionSet>',
  );
  expect(deletionFailure(xml, 'fleet-1')).toBe('unexpectedError');
});

test('an answer that does not name the fleet is a failure', () => {
  expect(deletionFailure(answer('<successfulFleetDeletionSet/>'), 'fleet-1')).toBe('no answer for the fleet');
});
