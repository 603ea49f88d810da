import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { repository } from '../support/runctl.ts';
import type { Bench, Row } from './bench.ts';
import { textTable } from '../support/table.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  'notice-latency': () => import('./notice-latency.ts'),
  'cli-start': () => import('./cli-start.ts'),
  'status-100-runs': () => import('./status-100-runs.ts'),
  'agent-idle': () => import('./agent-idle.ts'),
  'launch-overhead': () => import('./launch-overhead.ts'),
  'recovery-overhead': () => import('./recovery-overhead.ts'),
  upload: () => import('./upload.ts'),
  'tail-upload': () => import('./tail-upload.ts'),
  download: () => import('./download.ts'),
  'unchanged-parts': () => import('./unchanged-parts.ts'),
  'small-files': () => import('./small-files.ts'),
  'upload-memory': () => import('./upload-memory.ts'),
  interference: () => import('./interference.ts'),
  'flaky-s3': () => import('./flaky-s3.ts'),
  'kept-bytes': () => import('./kept-bytes.ts'),
  'frequent-saves': () => import('./frequent-saves.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    'size-mib': { type: 'string' },
    rounds: { type: 'string' },
  },
});
const numberOf = (text: string | undefined): number | null => (text === undefined ? null : Number(text));
const options = { sizeMiB: numberOf(values['size-mib']), rounds: numberOf(values.rounds) };

const unknown = positionals.filter((name) => !(name in BENCHES));
if (values.list) console.log(Object.keys(BENCHES).join('\n'));
else if (unknown.length > 0) {
  console.error(`error: no benchmark named ${unknown.join(', ')}\nhint: npm run bench -- --list`);
  process.exitCode = 2;
} else {
  for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) await measure(name);
  // Kept connections of a peer's client must not hold up whoever waits for the figures.
  process.exit();
}

async function measure(name: string): Promise<void> {
  const load = BENCHES[name];
  if (load === undefined) return;
  const { bench } = await load();
  console.error(`· ${bench.name}: ${bench.about}`);
  const { rows, raw } = await bench.run((text) => console.error(`  ${text}`), options);
  const folder = `${repository}/.runctl/bench`;
  await mkdir(folder, { recursive: true });
  await writeFile(
    `${folder}/${name}.json`,
    `${JSON.stringify({ name, at: new Date().toISOString(), node: process.version, rows, raw })}\n`,
  );
  if (values.json) console.log(JSON.stringify({ name, rows }));
  else console.log(table(rows));
}

function table(rows: readonly Row[]): string {
  return textTable([
    ['what', 'ours', 'peer', 'ratio', 'goal', 'met'],
    ...rows.map((row) => [
      row.what,
      row.ours,
      row.peer ?? '-',
      row.ratio?.toFixed(2) ?? '-',
      row.goal,
      row.met ? 'yes' : 'MISSED',
    ]),
  ]);
}
