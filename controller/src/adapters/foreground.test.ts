import { expect, test } from 'vitest';
import { runInForeground } from './foreground.ts';

const run = (code: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<number> =>
  runInForeground(process.execPath, ['-e', code], { cwd: '/', env });

test("gives the program's own exit code", async () => {
  expect(await run('process.exit(3)')).toBe(3);
});

test('gives 128 and the number of the signal that ended it', async () => {
  expect(await run("process.kill(process.pid, 'SIGTERM')")).toBe(143);
});

test('the program has the variables that it is given, and none of this process', async () => {
  expect(
    await run("process.exit(process.env.GIVEN === 'yes' && process.env.PATH === undefined ? 0 : 1)", {
      GIVEN: 'yes',
      LEFT_OUT: undefined,
    }),
  ).toBe(0);
});

test('a program that is not there is an error that names it', async () => {
  await expect(runInForeground('/no/such/program', [], { cwd: '/', env: {} })).rejects.toThrow('/no/such/program');
});
