import { expect, test } from 'vitest';
import { sandboxStateFolder } from './state-folder.ts';

test.each<[variable: string | undefined, folder: string]>([
  ['/var/state', '/var/state/runctl/sandbox'],
  ['', '/home/me/.local/state/runctl/sandbox'],
  ['state', '/home/me/.local/state/runctl/sandbox'],
])('XDG_STATE_HOME=%j puts the local cloud into %s, never into the project', (variable, folder) => {
  const environment = { XDG_STATE_HOME: variable };
  expect(sandboxStateFolder({ flag: undefined, environment, home: '/home/me', cwd: '/project' })).toBe(folder);
});
