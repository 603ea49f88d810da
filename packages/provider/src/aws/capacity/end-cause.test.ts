import { describe, expect, test } from 'vitest';
import { endCauseOf } from './end-cause.ts';
import { capacityRequest } from '../../testing/capacity-request.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';

describe('why an instance ended', () => {
  test.each([
    ['Server.SpotInstanceTermination', 'taken-back', /taken back/],
    ['Server.InsufficientInstanceCapacity', 'no-capacity', /no room/],
    ['Server.InternalError', 'failed', /host failed/],
    ['Client.InstanceInitiatedShutdown', 'powered-off', /powered itself off/],
    ['Client.UserInitiatedShutdown', 'ended', /from outside/],
    ['Client.InternalError', 'failed', /encrypted with a key/],
    ['Client.VolumeLimitExceeded', 'failed', /no more disks/],
    ['Client.InvalidSnapshot.NotFound', 'failed', /snapshot/],
  ])('%s is told in words', (Code, kind, text) => {
    expect(endCauseOf({ Code, Message: `${Code}: Whatever` })).toMatchObject({
      kind,
      text: expect.stringMatching(text) as string,
    });
  });

  test.each([
    [undefined, null],
    [{}, null],
    [{ Code: '' }, null],
    [{ Code: 'pending', Message: 'pending' }, null],
    [{ Code: 'Server.New', Message: 'Server.New: Something new' }, 'Something new'],
    [{ Code: 'Server.New' }, 'for a reason of its own'],
    [{ Code: 'toString', Message: 'odd' }, 'odd'],
  ])('%j, of which nothing is known, gives %j', (reason, text) => {
    expect(endCauseOf(reason)?.text ?? null).toBe(text);
  });
});

test.each(['Client.InternalError', 'Client.VolumeLimitExceeded'])(
  'a fleet whose machine dies of %s at its launch shows it on the machine',
  async (code) => {
    await using under = await awsUnderTest();
    const { provider, region } = under;
    region.compute.settings.failNext('boot', code);
    await provider.launch(await capacityRequest(under, 'r-key'));
    const ended = async () => (await provider.machines('r-key')).find(({ state }) => state === 'ended');
    while ((await ended()) === undefined) await under.pass();
    expect(await ended()).toMatchObject({
      endReason: code,
      endCause: { kind: 'failed', hint: expect.any(String) as string },
    });
  },
);
