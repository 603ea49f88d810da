// `npm run quickstart`: sets up what is missing, then rehearses the bundled example on the local cloud.
import { ensureReady, environment, node24, run, step } from './setup.mjs';

await ensureReady();
step('runctl drill examples/char-lm/train.py --interruptions 1 --compare');
const args = [
  'controller/bin/runctl.mjs',
  'drill',
  'examples/char-lm/train.py',
  '--interruptions',
  '1',
  '--compare',
  ...process.argv.slice(2),
];
process.exitCode = await run(node24(), args, { env: environment() });
