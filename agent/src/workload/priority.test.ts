import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const priority = fileURLToPath(new URL('priority.ts', import.meta.url));
const script = `
import { getPriority } from 'node:os';
import { systemPriority } from ${JSON.stringify(priority)};
const { background, normal } = systemPriority({ uid: process.getuid(), platform: process.platform });
const seen = [getPriority()];
background();
seen.push(getPriority());
normal();
seen.push(getPriority());
console.log(JSON.stringify(seen));`;

test('steps back behind the workload, and only where it can come forward again', () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const [before, behind, after] = JSON.parse(output) as [number, number, number];
  const identity = /^\s*0\s+0\s+4294967295\s*$/;
  const canComeBack = process.getuid?.() === 0 && identity.test(readFileSync('/proc/self/uid_map', 'utf8'));
  expect(behind).toBe(canComeBack ? 10 : before);
  expect(after).toBe(canComeBack ? 0 : before);
});
