import { commandEvent } from '@runctl/protocol/events';
import { expect, test } from 'vitest';
import { commandIndex } from '../command-index/command-index.ts';
import { checkJsonOutput, documentedEvents } from './json-output.ts';

test('docs/events.md has every type of event and no other, and names commands that exist', () => {
  const types = commandEvent.options.flatMap((option) => [...(option._zod.propValues?.['type'] ?? [])]);
  expect([...documentedEvents().keys()].sort()).toEqual(types.map(String).sort());
  const commands = commandIndex.commands.map((entry) => entry.path.join(' '));
  expect(commands).toEqual(expect.arrayContaining([...new Set([...documentedEvents().values()].flat())]));
});

const gone = { type: 'gone', key: 'a' };

test.each([
  ['no type', { key: 'a' }, 'no event'],
  ['a type that is none', { type: 'vanished' }, 'no event'],
  ['a field too many', { ...gone, sizeBytes: 1 }, 'other fields'],
  ['a field too few', { type: 'gone' }, 'no event'],
  ['an event of another command', { type: 'folder', key: 'a/' }, 'does not say'],
])('a command that prints %s is found out', (_, line, problem) => {
  const output = { stdout: `${JSON.stringify(line)}\n`, stderr: '' };
  expect(() => checkJsonOutput(['s3', 'watch', '--json'], output)).toThrow(problem);
  expect(() => checkJsonOutput(['s3', 'watch'], output)).not.toThrow();
});

test('a command that prints its events and an error is in order', () => {
  const error = { type: 'error', code: 'usage', message: 'm', hint: null, exitCode: 2 };
  const output = { stdout: `${JSON.stringify(gone)}\n`, stderr: `watching\n${JSON.stringify(error)}\n` };
  expect(() => checkJsonOutput(['s3', 'watch', '--output', 'json'], output)).not.toThrow();
});
