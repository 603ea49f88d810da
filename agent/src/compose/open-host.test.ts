import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { openHost } from './open-host.ts';

const surroundings = { environment: {}, region: 'us-east-1', instanceRoot: '', clock: new FakeClock() };

test.each(['ec2', 'plain'])('the configuration may name %s as host', (kind) => {
  expect(openHost(kind, surroundings).host.kind).toBe(kind);
});

test.each(['pod', '', 'toString'])('a host that this agent does not know is refused by name: %j', (kind) => {
  expect(() => openHost(kind, surroundings)).toThrow(
    expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(`'${kind}'`) }),
  );
});
