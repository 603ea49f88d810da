import { describe, expect, test } from 'vitest';
import { groupOf, passwdOf, shadowOf } from './accounts.ts';

const host = `root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
ada:x:1000:1000:Ada:/home/ada:/bin/zsh
ubuntu:x:1001:1001::/home/ubuntu:/bin/sh
`;

describe('the accounts of an instance', () => {
  test('are the host’s system accounts and the ordinary user, and none of its people', () => {
    expect(
      passwdOf(host, '/bin/sh')
        .split('\n')
        .map((line) => line.split(':').slice(0, 3).join(':')),
    ).toEqual(['root:x:0', 'nobody:x:65534', 'ubuntu:x:1000', '']);
    expect(groupOf('root:x:0:\nada:x:1000:\n')).toBe('root:x:0:\nubuntu:x:1000:\n');
  });

  test('have no passwords', () => {
    expect(shadowOf(host)).toBe(['root', 'nobody', 'ubuntu'].map((name) => `${name}:*:20000:0:99999:7:::\n`).join(''));
  });
});
