import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { bootScriptOf } from './boot-script.ts';

describe('user data', () => {
  const script = Buffer.from('#!/bin/sh\necho hello\n');

  test('that begins with #! is a script', () => {
    expect(bootScriptOf(script)).toEqual({ kind: 'script', text: script });
  });

  test('is unpacked when it is gzip', () => {
    expect(bootScriptOf(gzipSync(script))).toEqual({ kind: 'script', text: script });
  });

  test('that only looks like gzip is said to be not understood', () => {
    expect(bootScriptOf(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toMatchObject({ kind: 'unsupported' });
  });

  test('of other forms is said to be not understood, with its first line', () => {
    const boot = bootScriptOf(Buffer.from('#cloud-config\nruncmd: []\n'));
    expect(boot).toMatchObject({ kind: 'unsupported', reason: expect.stringContaining('"#cloud-config"') as string });
  });

  test('that is empty is none', () => {
    expect(bootScriptOf(null)).toEqual({ kind: 'none' });
    expect(bootScriptOf(Buffer.alloc(0))).toEqual({ kind: 'none' });
  });
});
