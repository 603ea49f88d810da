import { expect, test } from 'vitest';
import { Interrupts } from './interrupts.ts';

function pressed() {
  const happened: (string | number)[] = [];
  const interrupts = new Interrupts(() => happened.push('exit'));
  interrupts.signal.addEventListener('abort', () => happened.push('abort'));
  return { happened, interrupts };
}

test('the first Ctrl-C ends the command, the second the process', () => {
  const { happened, interrupts } = pressed();
  interrupts.press();
  interrupts.press();
  expect(happened).toEqual(['abort', 'exit']);
});

test('who has taken it hears two of them; the third and fourth are as the first two', () => {
  const { happened, interrupts } = pressed();
  interrupts.take((press) => happened.push(press));
  for (let presses = 0; presses < 4; presses++) interrupts.press();
  expect(happened).toEqual([1, 2, 'abort', 'exit']);
});

test('it is given back', () => {
  const { happened, interrupts } = pressed();
  interrupts.take((press) => happened.push(press))();
  interrupts.press();
  expect(happened).toEqual(['abort']);
});

test('SIGTERM ends a command that has taken Ctrl-C', () => {
  const { happened, interrupts } = pressed();
  interrupts.take((press) => happened.push(press));
  interrupts.end();
  expect(happened).toEqual(['abort']);
});
