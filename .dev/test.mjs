// `npm test [-- vitest arguments]`: sets up what is missing, then runs every test.
import { ensureReady, environment, node24, run, step } from './setup.mjs';

await ensureReady();
step('running the tests');
const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', '.dev/vitest.config.ts', ...process.argv.slice(2)];
process.exitCode = await run(node24(), args, { env: environment() });
