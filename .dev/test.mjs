// `npm test [-- vitest arguments]`: sets up what is missing, then runs every test.
// `--changed [BASE]` runs what the changes since BASE (where the branch left main) can break, `--conformance NAME` one suite.
import { spawnSync } from 'node:child_process';
import { ensureReady, environment, node24, root, run, step } from './setup.mjs';

const asked = process.argv.slice(2);
const choice = ['changed', 'conformance'].find((name) => asked.includes(`--${name}`));
await ensureReady({ build: choice === undefined });
const files = choice === undefined ? [] : chosenTests(choice);
if (files?.length === 0 && choice !== undefined) process.stdout.write('\n0 passed, 0 failed, 0 skipped\n');
else if (files !== null) {
  if (files.some((file) => file.endsWith('.e2e.ts'))) await ensureReady();
  step('running the tests');
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', '.dev/vitest.config.ts', ...asked, ...files];
  process.exitCode = await run(node24(), vitest, { env: environment() });
}

/** Takes the option out of what was asked and says which files it stands for; null after an error. */
function chosenTests(name) {
  const at = asked.indexOf(`--${name}`);
  const value = asked[at + 1]?.startsWith('-') ? undefined : asked[at + 1];
  asked.splice(at, value === undefined ? 1 : 2);
  const command = ['.dev/select/main.mjs', name, ...(value === undefined ? [] : [value])];
  const answer = spawnSync(node24(), command, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (answer.status !== 0) {
    process.exitCode = answer.status ?? 1;
    return null;
  }
  const { tests, reasons } = JSON.parse(answer.stdout);
  for (const reason of reasons) step(reason);
  if (tests.length === 0) step('no test depends on them');
  return tests;
}
