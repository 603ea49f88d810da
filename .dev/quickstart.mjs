// `npm run quickstart`: sets up what is missing, then rehearses the bundled example on the local cloud.
import { ensureReady, environment, node24, run, step } from './setup.mjs';

await ensureReady();
const args = [
  'drill',
  'examples/char-lm/train.py',
  '--interruptions',
  '1',
  '--compare',
  ...process.argv.slice(2),
  '--',
  '--steps',
  '1000',
];
step(`runctl ${args.join(' ')}`);
process.exitCode = await run(node24(), ['controller/bin/runctl.mjs', ...args], { env: environment() });
