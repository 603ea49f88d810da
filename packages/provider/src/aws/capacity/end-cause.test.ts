import { describe, expect, test } from 'vitest';
import { endCauseOf } from './end-cause.ts';
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
    const { provider, wish, region } = under;
    region.compute.settings.failNext('boot', code);
    const offers = await provider.offers(wish);
    const written = { specSha256: 'c'.repeat(64), intentSha256: null };
    await provider.launch({
      run: 'r-key',
      launch: 1,
      token: 'runctl-r-key-1',
      runName: null,
      project: 'demo',
      user: 'me@laptop',
      target: await provider.target(wish, offers),
      boot: {
        config: { version: 2, run: 'r-key', launch: 1, bucket: 'b', prefix: '', region: 'us-east-1', written },
        tools: { agentKey: 'a', agentSha256: 'a'.repeat(64), nodeKey: 'n', nodeSha256: 'b'.repeat(64) },
        bootGuardMs: 60_000,
        refusedMs: 300_000,
        standstillMs: 900_000,
      },
      offers,
      market: wish.market,
      nodes: 1,
      validUntilMs: under.nowMs() + 3_600_000,
    });
    const ended = async () => (await provider.machines('r-key')).find(({ state }) => state === 'ended');
    while ((await ended()) === undefined) await under.pass();
    expect(await ended()).toMatchObject({
      endReason: code,
      endCause: { kind: 'failed', hint: expect.any(String) as string },
    });
  },
);
