import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { defaultCallLimits } from './call-limits.ts';
import { createAwsClients } from './clients.ts';

test('docs/providers.md tells how long a call may take and how often it is made', async () => {
  const page = await readFile(new URL('../../../../../docs/providers.md', import.meta.url), 'utf8');
  const section = page.split('## How long a call may take').at(1)?.split('\n## ').at(0) ?? '';
  const rows = [...section.matchAll(/^\| (.+) \|$/gm)].map(([, cells = '']) =>
    cells.split('|').map((cell) => cell.trim()),
  );
  const { connectMs, answerMs, wholeMs, searchMs } = defaultCallLimits;
  const limits = [connectMs, answerMs].map((ms) => `${ms / 1000} s`);
  const clients = createAwsClients({ region: 'us-east-1', endpoints: {} });
  const services = [clients.reading, clients.launching, clients.ssm];
  const tries = await Promise.all(services.map((client) => client.config.maxAttempts()));
  clients.close();
  const told = rows.filter(([calls = '']) => /^(EC2|SSM):/.test(calls));
  expect(told.map(([, connection, answer, often, whole]) => [connection, answer, often?.split(':')[0], whole])).toEqual(
    tries.map((most) => [...limits, String(most), `${wholeMs / 1000} s`]),
  );
  expect(rows.find(([calls = '']) => calls.startsWith('finding keys'))?.at(4)).toContain(`${searchMs / 1000} s in all`);
});
