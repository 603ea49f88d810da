// `node .dev/select/main.mjs changed [BASE]` or `… conformance NAME` on Node 24: prints as JSON which test files are meant, and why.
import { execFileSync } from 'node:child_process';
import { root } from '../setup.mjs';
import { chooseTests } from './choose-tests.mjs';
import { chooseConformance } from './conformance.mjs';
import { readImportGraph } from './import-graph.mjs';

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);

/** Where the branch left the named one, or main; on main itself the last commit. */
function baseOf(named) {
  try {
    return git('merge-base', 'HEAD', named ?? 'main')[0];
  } catch (error) {
    // A clone may have no main.
    if (named === undefined) return 'HEAD';
    throw error;
  }
}

function chosenByChange(named) {
  const base = baseOf(named);
  const untracked = git('ls-files', '--others', '--exclude-standard');
  const changed = [...git('diff', '--name-only', '--no-renames', base), ...untracked];
  const { tests, reasons } = chooseTests(readImportGraph(root), changed);
  return { tests, reasons: [`${changed.length} files changed since ${base}`, ...reasons] };
}

const [by, value] = process.argv.slice(2);
try {
  const choice = by === 'changed' ? chosenByChange(value) : chooseConformance(readImportGraph(root), value);
  process.stdout.write(JSON.stringify(choice));
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
