import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createFleetEnder, deletionFailure } from './fleet-ender.ts';

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

/** An EC2 that knows no rule but the one about the time of a signature, and grants everything else. */
async function strictAboutTime() {
  const signedAt: number[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const stamp = String(request.headers['x-amz-date']).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
    signedAt.push(Date.parse(stamp));
    const late = Math.abs(Date.parse(stamp) - Date.now()) > 15 * 60_000;
    const code = late ? 'RequestExpired' : 'DryRunOperation';
    response
      .writeHead(late ? 400 : 412)
      .end(`<Response><Errors><Error><Code>${code}</Code></Error></Errors></Response>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, signedAt, [Symbol.asyncDispose]: async () => void server.close() };
}

describe('a machine whose clock is wrong', () => {
  test.each([3_600_000, -3_600_000])(
    'by %d ms asks once more with the time of the answer, and keeps it',
    async (offMs) => {
      await using ec2 = await strictAboutTime();
      const ender = createFleetEnder({
        endpoint: ec2.endpoint,
        region: 'us-east-1',
        credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'secret' }),
        clock: { wallMs: () => Date.now() + offMs },
      });
      expect(await ender.mayDelete('fleet-1')).toBe(true);
      expect(ec2.signedAt).toHaveLength(2);
      expect(await ender.mayDelete('fleet-1')).toBe(true);
      expect(ec2.signedAt).toHaveLength(3);
    },
  );
});
