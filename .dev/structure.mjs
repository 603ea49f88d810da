// `node .dev/structure.mjs`: the rules of the repository's structure that a type checker and a linter can't see.
// `--rewrite` writes not-yet.json anew (it may only shrink), `--measure` prints every finding, listed or not.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { node24, root } from './setup.mjs';

const [major] = process.versions.node.split('.').map(Number);
if (major < 22) {
  // The parser needs Node 22; `npm run check` may be started by Node 20.
  const again = spawnSync(node24(), [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = again.status ?? 1;
} else {
  const { runStructure } = await import('./structure/run.mjs');
  process.exitCode = await runStructure(root, process.argv.slice(2), (text) => process.stdout.write(`${text}\n`));
}
