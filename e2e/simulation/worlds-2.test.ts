import { test } from 'vitest';
import { expectAllHolds } from './expected.ts';

test('nothing saved is lost or torn, and no two publish, in 2,100 worlds (seeds from 2101)', { timeout: 600_000 }, () =>
  expectAllHolds({ firstSeed: 2101, count: 2100 }),
);
