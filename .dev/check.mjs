// `npm run check`: types, lint, structure, format, package boundaries, dead code. All are run; the exit code says if any failed.
import { ensureReady, environment, node24, root, run, step } from './setup.mjs';
import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';

await ensureReady({ build: false });
const bin = (name) => join(root, 'node_modules', '.bin', name);
const members = [
  'agent',
  'controller',
  'e2e',
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
].filter((member) => existsSync(join(root, member, 'tsconfig.json')));
const checks = [
  ...members.map((member) => [`types: ${member}`, bin('tsc'), ['-p', join(member, 'tsconfig.json')]]),
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings', '--report-unused-disable-directives']],
  ['structure', node24(), ['.dev/structure.mjs']],
  ['format', node24(), ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']],
  ['boundaries', bin('turbo'), ['boundaries', '--no-color']],
  ['dead code', bin('knip'), ['--treat-config-hints-as-errors', '--no-progress']],
];
const failed = [];
for (const [name, command, args] of checks) {
  step(name);
  if ((await run(command, args, { env: environment() })) !== 0) failed.push(name);
}
if (failed.length > 0) process.stderr.write(`failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;
