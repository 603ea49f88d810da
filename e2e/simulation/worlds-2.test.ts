import { test } from 'vitest';
import { expectAllHolds } from './expected.ts';

test('nothing saved is lost or torn, and no two publish, in 1,500 worlds (seeds from 1501)', { timeout: 600_000 }, () =>
  expectAllHolds({ firstSeed: 1501, count: 1500 }),
);
