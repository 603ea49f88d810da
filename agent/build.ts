import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { requiredHttp } from '@runctl/testkit/build';

/** Bundles the agent into one file without dependencies, and proves that it starts. */
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as { version: string };
const outfile = at('dist/agent.mjs');

/** Zod brings its messages in fifty languages; what is loaded at every start should be what is used. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(builder) {
    builder.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

await build({
  entryPoints: [at('src/main.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minify: true,
  legalComments: 'none',
  define: { RUNCTL_VERSION: JSON.stringify(version) },
  // CommonJS dependencies ask for Node's own modules by `require`, which an ES module lacks.
  banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
  plugins: [englishOnly, requiredHttp],
  logLevel: 'warning',
});

const answer = execFileSync(process.execPath, [outfile, '--version'], { encoding: 'utf8' }).trim();
if (answer !== version) throw new Error(`the bundle says ${answer}, expected ${version}`);
const bytes = readFileSync(outfile);
const sha256 = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
console.log(`agent.mjs ${version}: ${(bytes.length / 1024).toFixed(0)} KiB, sha256 ${sha256}…`);
