import { expect, test } from 'vitest';
import { baseFolder } from './base-folder.ts';

test.each<[value: string | undefined, folder: string]>([
  ['/var/state', '/var/state'],
  [undefined, '/home/me/.local/state'],
  ['', '/home/me/.local/state'],
  ['state', '/home/me/.local/state'],
  ['./state', '/home/me/.local/state'],
  ['~/state', '/home/me/.local/state'],
])('XDG_STATE_HOME=%j stands for %s', (value, folder) => {
  const environment = { XDG_STATE_HOME: value, XDG_CACHE_HOME: '/var/cache' };
  expect(baseFolder('XDG_STATE_HOME', { environment, home: '/home/me' })).toBe(folder);
});

test('each has a folder of its own in the home folder', () => {
  const place = { environment: {}, home: '/home/me' };
  expect(baseFolder('XDG_CONFIG_HOME', place)).toBe('/home/me/.config');
  expect(baseFolder('XDG_CACHE_HOME', place)).toBe('/home/me/.cache');
});
