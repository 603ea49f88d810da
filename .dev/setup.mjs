// Runs on the machine's own Node (>= 20) before any dependency exists, so it uses only Node's own modules.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PNPM = 'pnpm@12.21.0';
const MANIFESTS = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml'];
const stampFile = join(root, 'node_modules', '.runctl-setup');

/** Starts a child with inherited output and resolves with its exit code (128 + signal number when it was killed). */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: root, ...options });
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** The Node that everything runs on: the pinned one from the registry on Linux x64, else the user's own if it is new enough. */
export function node24() {
  const pinned = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(pinned)) return pinned;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 22)) return process.execPath;
  return fail(
    `no Node 24 for ${process.platform}-${process.arch} comes with the project, and yours is ${process.versions.node}`,
    'install Node 24 and run the command again',
  );
}

export function environment() {
  return {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
  };
}

/** Installs dependencies when a manifest changed since the last time, then builds what is older than its sources. */
export async function ensureReady({ build = true } = {}) {
  await ensureDependencies();
  if (build) await ensureBundles();
}

async function ensureDependencies() {
  const wanted = hashOf(manifestFiles());
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return linkCommands();
  step('installing dependencies and Node 24 (once, about 15 s)');
  const args = [
    '--yes',
    '--prefer-offline',
    PNPM,
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
    '--reporter=append-only',
  ];
  const code = await run('npx', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (code !== 0)
    fail(
      `installing the dependencies failed (exit code ${code})`,
      'check that the npm registry can be reached, then run the command again',
    );
  linkCommands();
  writeFileSync(stampFile, wanted);
}

/**
 * `runctl` for `npx`: by its own place, so that a copy of the checkout runs the copy's code, on the pinned Node where there is one.
 * `bin/runctl.mjs` itself looks for that too, at the price of a second process.
 */
const SHIM = `#!/bin/sh
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in /*) self=$target ;; *) self=$(dirname "$self")/$target ;; esac
done
bin=$(cd "$(dirname "$self")" && pwd -P) || exit 1
node=$bin/node
[ -x "$node" ] || node=node
exec "$node" "$bin/../../controller/bin/runctl.mjs" "$@"
`;

/** Puts `runctl` where `npx` looks. The root cannot depend on the controller: every package would inherit that dependency. */
function linkCommands() {
  const shim = join(root, 'node_modules', '.bin', 'runctl');
  if (existsSync(shim) && readFileSync(shim, 'utf8') === SHIM) return;
  writeFileSync(shim, SHIM);
  chmodSync(shim, 0o755);
}

async function ensureBundles() {
  for (const app of ['agent', 'controller']) {
    const wanted = hashOf(sourcesOf(app));
    const stamp = join(root, app, 'dist', '.sources');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) continue;
    step(`building ${app}`);
    const code = await run(node24(), ['build.ts'], {
      cwd: join(root, app),
      env: environment(),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (code !== 0) fail(`building ${app} failed (exit code ${code})`, 'run `npm run check` for details');
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, wanted);
  }
}

function manifestFiles() {
  const members = [
    'agent',
    'controller',
    'e2e',
    ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
  ];
  return [...MANIFESTS, ...members.map((member) => `${member}/package.json`)]
    .map((file) => join(root, file))
    .filter((file) => existsSync(file));
}

function sourcesOf(app) {
  // The controller carries the agent's bundle.
  const apps = app === 'controller' ? ['agent', 'controller'] : [app];
  const folders = [
    ...apps.map((name) => join(root, name, 'src')),
    ...readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'src')),
  ];
  const files = folders.flatMap((folder) => filesBelow(folder)).filter((file) => !file.endsWith('.test.ts'));
  const buildCode = readdirSync(join(root, app)).filter((name) => name.endsWith('.ts'));
  return [...files, ...buildCode.map((name) => join(root, app, name)), join(root, 'pnpm-lock.yaml')].sort();
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    if (existsSync(file) && statSync(file).isFile()) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}

export function step(text) {
  process.stderr.write(`· ${text}\n`);
}

/** @returns {never} */
function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(1);
}
