import { expect, test } from 'vitest';
import { knownFailures, runCephSuite } from '../support/ceph-suite.ts';
import { World } from '../support/world.ts';

test("FAKES.md gives a reason for each test of Ceph's suite that it names, and names none twice", async () => {
  const known = await knownFailures();
  const tests = known.flatMap((line) => line.tests);
  expect(tests.length).toBeGreaterThan(0);
  expect(tests.filter((name) => !/^test_[a-z0-9_]+$/.test(name))).toEqual([]);
  expect(tests.filter((name, index) => tests.indexOf(name) !== index)).toEqual([]);
  expect(known.filter(({ reason }) => reason.split(' ').length < 3)).toEqual([]);
});

const MOST_MS = 30 * 60_000;

test("of Ceph's suite fails what FAKES.md names, and nothing else", { timeout: MOST_MS }, async (context) => {
  const checkout = process.env['RUNCTL_S3_TESTS'];
  if (checkout === undefined) {
    context.skip('no Ceph suite: set RUNCTL_S3_TESTS to a checkout of ceph/s3-tests (packages/sandbox/FAKES.md)');
    return;
  }
  await using world = await World.start();
  const python = process.env['RUNCTL_S3_TESTS_PYTHON'] ?? 'python3';
  const { ran, failed } = await runCephSuite(world, { checkout, python });
  expect(ran.length).toBeGreaterThan(0);
  const known = (await knownFailures()).flatMap((line) => line.tests);
  expect(failed.toSorted()).toEqual(known.filter((name) => ran.includes(name)).toSorted());
});
