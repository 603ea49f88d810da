import { command } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { commandWriter } from './command-writer.ts';

const nothing = {
  config: undefined,
  sandbox: false,
  state: undefined,
  bucket: undefined,
  prefix: undefined,
  region: undefined,
  profile: undefined,
};

describe('a command that a text names', () => {
  test('stands as it is when the command line named no place', () => {
    expect(commandWriter(nothing)(command('status', 'r-abc'))).toBe('runctl status r-abc');
  });

  test('carries everything by which the command line named its cloud', () => {
    const write = commandWriter({
      config: 'other settings.toml',
      sandbox: true,
      state: '/tmp/cloud',
      bucket: 'b',
      prefix: "team's",
      region: 'eu-central-1',
      profile: 'work',
    });
    expect(write(command('checkpoint list', 'r-abc'))).toBe(
      "runctl checkpoint list r-abc --config 'other settings.toml' --sandbox --state /tmp/cloud --bucket b " +
        "--prefix 'team'\\''s' --region eu-central-1 --profile work",
    );
  });

  test('keeps what it names itself, and the arguments of a script last', () => {
    const write = commandWriter({ ...nothing, sandbox: true, bucket: 'b' });
    expect(write(command('launch', 'train.py', '--sandbox', '--', '--lr', '1'))).toBe(
      'runctl launch train.py --sandbox --bucket b -- --lr 1',
    );
  });

  test('needs only the place of the local cloud to speak of the local cloud', () => {
    const write = commandWriter({ ...nothing, sandbox: true, state: '/tmp/cloud', bucket: 'b' });
    expect(write(command('sandbox status'))).toBe('runctl sandbox status --state /tmp/cloud');
  });

  test('asks for help without a place', () => {
    expect(commandWriter({ ...nothing, sandbox: true })(command('launch', '--help'))).toBe('runctl launch --help');
  });
});
