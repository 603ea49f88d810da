import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { Journal } from '../../journal/journal.ts';
import type { Ending } from '../../lifecycle/model.ts';
import type { Interpreter } from '../../workload/interpreter/interpreter.ts';
import { StartFacts, type StartFactsParts } from './start-facts.ts';

const TRACEBACK = 'Traceback (most recent call last):\n  File "t.py", line 1, in <module>\nValueError: no\n';
const shell: Interpreter = { path: '/usr/bin/bash', version: 'GNU bash 5.2.15' };
const python: Interpreter = { path: '/usr/bin/python3', version: 'Python 3.12.3' };
const left: Ending = {
  cause: 'exited',
  exit: { code: 0, signal: null },
  killed: false,
  started: true,
  message: null,
};

/** The journal of a machine, as far as facts of a start go. */
function journalOf(attempt: object) {
  const journal = {
    state: { attempt },
    updateAttempt: async (change: object) =>
      void (journal.state = { attempt: { ...journal.state.attempt, ...change } }),
  };
  return journal;
}

test('an agent that adopts a workload knows its interpreter, and where its output begins', async () => {
  await using folder = await temporaryFolder('start-facts');
  const log = join(folder.path, 'training.log');
  await writeFile(log, TRACEBACK);
  const journal = journalOf({});
  const life: { interpreter: Interpreter | null } = { interpreter: null };
  const parts: StartFactsParts = {
    findInterpreter: async () => shell,
    journal: journal as unknown as Journal,
    life,
    paths: { log },
    folders: { code: folder.path },
  };
  const first = new StartFacts(parts);
  await first.begin();
  first.started({ command: ['bash', 't.sh'], folder: folder.path, environment: {} });
  await first.interpreter();
  life.interpreter = null;
  const next = new StartFacts(parts);
  next.adopt();
  expect(life.interpreter).toEqual(shell);
  expect(await next.hiddenFailure(left)).toBeNull();
  await appendFile(log, TRACEBACK);
  expect(await next.hiddenFailure(left)).toBe('ValueError: no');
});

test.each([
  [shell, 'ValueError: no'],
  [{ path: '/opt/my/runner', version: null }, 'ValueError: no'],
  [python, null],
  [{ path: '/opt/venv/bin/pypy3.10', version: null }, null],
])('the exit code of %o is doubted for a traceback: %s', async (interpreter, words) => {
  await using folder = await temporaryFolder('start-facts');
  const log = join(folder.path, 'training.log');
  await writeFile(log, TRACEBACK);
  const parts: StartFactsParts = {
    findInterpreter: async () => interpreter,
    journal: journalOf({ interpreter, logOffset: 0 }) as unknown as Journal,
    life: { interpreter: null },
    paths: { log },
    folders: { code: folder.path },
  };
  const facts = new StartFacts(parts);
  facts.adopt();
  expect(await facts.hiddenFailure(left)).toBe(words);
});
