// `node .dev/node24.mjs <file> …`: sets up what is missing, then runs the file on Node 24.
import { ensureReady, environment, node24, run } from './setup.mjs';

await ensureReady({ build: process.argv[2]?.startsWith('e2e/') ?? false });
process.exitCode = await run(node24(), process.argv.slice(2), { env: environment() });
