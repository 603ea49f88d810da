import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { BootRequest } from '../../boot/boot-request.ts';
import { USER_DATA_LIMIT_BYTES, renderUserData } from './user-data.ts';

const request: BootRequest = {
  config: {
    version: 2,
    run: 'r-abcdefghij',
    launch: 2,
    bucket: 'bucket',
    prefix: "it's/",
    region: 'us-east-1',
    written: { specSha256: 'c'.repeat(64), intentSha256: 'd'.repeat(64) },
  },
  tools: {
    agentKey: 'tools/agent-a.mjs',
    agentSha256: 'a'.repeat(64),
    nodeKey: 'tools/node-b.gz',
    nodeSha256: 'b'.repeat(64),
  },
  bootGuardMs: 900_000,
  refusedMs: 300_000,
  standstillMs: 900_000,
};

test('the shell and Python parts parse', () => {
  const script = renderUserData(request);
  execFileSync('sh', ['-n'], { input: script });
  const python = /<<'BOOT_PY'\n([\s\S]*?)\nBOOT_PY\n/.exec(script)?.[1];
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: python });
});

test('stays far below the limit and refuses to go over it', () => {
  expect(Buffer.byteLength(renderUserData(request))).toBeLessThan(USER_DATA_LIMIT_BYTES * 0.85);
  const long = { ...request, config: { ...request.config, prefix: `${'p'.repeat(8000)}/` } };
  expect(() => renderUserData(long)).toThrow(/boot script has \d+ bytes; EC2 takes 16384/);
});

test('the boot guard comes before anything that can fail', () => {
  const script = renderUserData(request);
  expect(script.indexOf('shutdown -h +15')).toBeGreaterThan(0);
  expect(script.indexOf('shutdown -h +15')).toBeLessThan(script.indexOf('mkdir -p'));
});

test('what ends a machine whose agent stands still is armed before the agent is started', () => {
  const script = renderUserData(request);
  expect(script.indexOf('enable --now runctl-watch.timer')).toBeGreaterThan(0);
  expect(script.indexOf('enable --now runctl-watch.timer')).toBeLessThan(script.indexOf('runctl-agent.service'));
});

test('tells an agent names and hashes alone, since every process of the machine can read it', () => {
  const text = /<<'AGENT_JSON'\n(.*)\nAGENT_JSON\n/.exec(renderUserData(request))?.[1] ?? '';
  const { written, ...names } = JSON.parse(text) as Record<string, unknown>;
  expect(Object.keys(names)).toEqual([
    'version',
    'run',
    'launch',
    'bucket',
    'prefix',
    'region',
    'host',
    'standstillMs',
  ]);
  expect(Object.keys(written as object)).toEqual(['specSha256', 'intentSha256']);
});

/** Where the Python part sends a request for the key `a b`. */
function addressOf(bucket: string, region: string): string {
  const config = { ...request.config, bucket, region, prefix: 'p/' };
  const python = /<<'BOOT_PY'\n([\s\S]*?)\nBOOT_PY\n/.exec(renderUserData({ ...request, config }))?.[1] ?? '';
  const functions = python.slice(0, python.indexOf('\ntry:\n    if sys.argv[1]'));
  const asked = `${functions}\ncall = lambda service, method, url, *rest: print(url)\ns3("GET", "a b")`;
  const env = {
    RUNCTL_BUCKET: bucket,
    RUNCTL_PREFIX: 'p/',
    RUNCTL_REGION: region,
    RUNCTL_RUN: 'r',
    RUNCTL_LAUNCH: '1',
  };
  return execFileSync('python3', ['-c', asked], { encoding: 'utf8', env: { ...env, RUNCTL_REFUSED_S: '300' } }).trim();
}

test.each([
  ['data', 'us-east-1', 'https://data.s3.us-east-1.amazonaws.com/p/a%20b'],
  ['my.data', 'us-east-1', 'https://s3.us-east-1.amazonaws.com/my.data/p/a%20b'],
  ['data', 'cn-north-1', 'https://data.s3.cn-north-1.amazonaws.com.cn/p/a%20b'],
  ['a.b.c', 'cn-northwest-1', 'https://s3.cn-northwest-1.amazonaws.com.cn/a.b.c/p/a%20b'],
  ['data', 'us-gov-west-1', 'https://data.s3.us-gov-west-1.amazonaws.com/p/a%20b'],
  ['data', 'eusc-de-east-1', 'https://data.s3.eusc-de-east-1.amazonaws.eu/p/a%20b'],
])('a machine finds the bucket %s in %s where the laptop does', (bucket, region, address) => {
  expect(addressOf(bucket, region)).toBe(address);
  expect(renderUserData({ ...request, config: { ...request.config, region } })).not.toContain('@DOMAIN@');
});
