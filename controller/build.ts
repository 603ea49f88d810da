import { requiredHttp } from '@runctl/testkit/build';
import { build } from 'esbuild';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const agent = fileURLToPath(new URL('../agent/dist/agent.mjs', import.meta.url));

rmSync(`${folder}dist`, { recursive: true, force: true });
await build({
  entryPoints: { runctl: `${folder}src/main.ts` },
  outdir: `${folder}dist`,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // Dependencies that are CommonJS inside still call require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  plugins: [requiredHttp],
  logLevel: 'warning',
});
// So that the package holds all that a launch uploads.
if (existsSync(agent)) copyFileSync(agent, `${folder}dist/agent.mjs`);

// A bundle that was never executed is not known to work.
for (const option of ['--version', '--help', 'launch --help', 'status --help']) {
  const output = execFileSync(process.execPath, [`${folder}bin/runctl.mjs`, ...option.split(' ')], {
    encoding: 'utf8',
  });
  if (output.trim() === '') throw new Error(`runctl ${option} printed nothing`);
}
// Without keys the SDK's whole chain of credentials is loaded and asked; nothing is sent.
const { stderr } = spawnSync(process.execPath, [`${folder}bin/runctl.mjs`, 'status'], {
  encoding: 'utf8',
  cwd: folder,
  env: {
    HOME: `${folder}dist`,
    RUNCTL_BUCKET: 'none',
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  },
});
if (!stderr.includes('Could not load credentials'))
  throw new Error(`the chain of credentials does not work: ${stderr}`);
