import type { Metafile } from 'esbuild';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const agent = fileURLToPath(new URL('../agent/dist/agent.mjs', import.meta.url));

rmSync(`${folder}dist`, { recursive: true, force: true });
const metafile = await bundle(`${folder}dist`);
assertLazyRegion(metafile);
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

/** Holds the local cloud to be a chunk that nothing loads at its start: talking to a region takes its client alone. */
function assertLazyRegion({ outputs }: Metafile): void {
  const isRegion = (input: string): boolean =>
    input.includes('packages/sandbox/src/') && !input.includes('packages/sandbox/src/client/');
  const loadedWith = (path: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const { kind, path: next } of outputs[path]?.imports ?? [])
      if (kind === 'import-statement') loadedWith(next, seen);
    return seen;
  };
  const inputsOf = (path: string): string[] => Object.keys(outputs[path]?.inputs ?? {});
  if (!Object.keys(outputs).some((path) => inputsOf(path).some(isRegion)))
    throw new Error('the bundle has no local cloud, or it lies in another folder');
  for (const [path, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint === undefined || isRegion(entryPoint)) continue;
    const region = [...loadedWith(path)].flatMap(inputsOf).find(isRegion);
    if (region !== undefined)
      throw new Error(
        `${entryPoint} loads ${region}: only \`runctl sandbox serve\` may, by import(); use @runctl/sandbox/client`,
      );
  }
}
