import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { fetcherScript } from './fetcher-script.ts';

const FLEET = 'fleet-1';
const TOOL = 'the tool';
const TOOL_SHA256 = createHash('sha256').update(TOOL).digest('hex');
/** How long a refusal lasts until it is taken for lasting, here; five minutes on a real machine. */
const PATIENCE_S = 6;

type Answer = { readonly status: number; readonly body?: string };
const ok = (body = ''): Answer => ({ status: 200, body });
const refused: Answer = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
const noBucket: Answer = { status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' };
const noKey: Answer = { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };
const elsewhere: Answer = { status: 301, body: '<Error><Code>PermanentRedirect</Code></Error>' };
const broken: Answer = { status: 500, body: '<Error><Code>InternalError</Code></Error>' };
const deleted = ok(`<r><successfulFleetDeletionSet><item>${FLEET}</item></successfulFleetDeletionSet></r>`);
const deletedBefore = ok(
  `<r><unsuccessfulFleetDeletionSet>${FLEET} fleetNotInDeletableState</unsuccessfulFleetDeletionSet></r>`,
);
/** The connection ends without a word. */
const silent: Answer = { status: 0 };
const mayNot: Answer = { status: 403, body: '<Code>UnauthorizedOperation</Code>' };

interface Services {
  /** Answer to the n-th request of a kind, counted from 1. */
  readonly tool: (n: number) => Answer;
  readonly write: (n: number, key: string) => Answer;
  /** Boots that the bucket lists. */
  readonly boots: number;
  readonly list: () => Answer | null;
  readonly end: (n: number) => Answer;
  readonly dryRun: () => Answer;
  readonly role: (n: number) => boolean;
}

/** What a machine reaches, as far as a boot needs it. */
async function machine(given: Partial<Services>, patienceS = PATIENCE_S) {
  const services: Services = {
    tool: () => ok(TOOL),
    write: () => ok(),
    boots: 1,
    list: () => null,
    end: () => deleted,
    dryRun: () => ({ status: 412, body: '<Code>DryRunOperation</Code>' }),
    role: () => true,
    ...given,
  };
  const folder = await temporaryFolder('runctl-boot');
  const counts = { tool: 0, write: 0, end: 0, role: 0 };
  const written: string[] = [];
  const answerTo = (request: IncomingMessage, body: string): Answer => {
    const url = request.url ?? '';
    if (url.startsWith('/latest/')) return metadata(url, () => services.role(++counts.role));
    if (request.method === 'POST' && body.includes('DryRun=true')) return services.dryRun();
    if (request.method === 'POST') return services.end(++counts.end);
    if (url.includes('list-type')) return services.list() ?? ok('<Key>'.repeat(services.boots));
    if (request.method === 'GET') return services.tool(++counts.tool);
    const answer = services.write(++counts.write, url);
    if (answer.status === 200) written.push(url.replace(/^\/bucket\//, ''));
    return answer;
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { status, body = '' } = answerTo(request, Buffer.concat(parts).toString());
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const script = join(folder.path, 'boot.py');
  await writeFile(script, fetcherScript);
  const env = {
    PATH: process.env['PATH'],
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
    RUNCTL_BUCKET: 'bucket',
    RUNCTL_PREFIX: '',
    RUNCTL_REGION: 'us-east-1',
    RUNCTL_RUN: 'r-1',
    RUNCTL_LAUNCH: '1',
    RUNCTL_REFUSED_S: String(patienceS),
  };
  const run = (...args: string[]) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      execFile('python3', [script, ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
      );
    });
  const tool = join(folder.path, 'tool');
  return {
    counts,
    written,
    fetch: () => run('fetch', 'tools/agent', TOOL_SHA256, tool),
    fails: (code: number) => run('failed', 'fetching the agent', 'because', String(code)),
    fetched: () => readFile(tool, 'utf8').catch(() => null),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function metadata(url: string, hasRole: () => boolean): Answer {
  if (url.endsWith('/api/token')) return ok('token');
  if (url.endsWith('/instance-id')) return ok('i-1');
  if (url.endsWith('/aws:ec2:fleet-id')) return ok(FLEET);
  if (url.endsWith('/security-credentials/')) return hasRole() ? ok('role') : { status: 404 };
  return ok(JSON.stringify({ AccessKeyId: 'A', SecretAccessKey: 's', Token: 't' }));
}

describe.concurrent('a machine that fetches a tool', () => {
  test.each<[what: string, tool: (n: number) => Answer, code: number]>([
    ['gets it', () => ok(TOOL), 0],
    ['waits for a right that comes in time', (n) => (n < 3 ? refused : ok(TOOL)), 0],
    ['waits out an error of the cloud', (n) => (n < 2 ? broken : ok(TOOL)), 0],
    ['gives up for good on a right that does not come', () => refused, 3],
    ['gives up for good on a bucket that is not there', () => noBucket, 3],
    ['gives up for good on a tool that is not there', () => noKey, 3],
    ['gives up for good on a bucket in another region', () => elsewhere, 3],
  ])('%s', async (_what, tool, code) => {
    await using at = await machine({ tool });
    const ended = await at.fetch();
    expect(ended, ended.output).toMatchObject({ code });
    expect(await at.fetched()).toBe(code === 0 ? TOOL : null);
  });

  test('asks once where the bucket is not there, and again and again while a right is missing', async () => {
    await using gone = await machine({ tool: () => noBucket });
    await gone.fetch();
    expect(gone.counts.tool).toBe(1);
    await using denied = await machine({ tool: () => refused });
    await denied.fetch();
    expect(denied.counts.tool).toBeGreaterThan(1);
  });

  test('waits for a role that comes late', async () => {
    await using at = await machine({ role: (n) => n > 2 });
    expect(await at.fetch()).toMatchObject({ code: 0 });
  });
});

describe.concurrent('a boot that failed', () => {
  const boot = 'runs/r-1/boot/0001-i-1.json';
  const outcome = 'runs/r-1/launches/0001/outcome.json';

  test.each<[what: string, given: Partial<Services>, code: number, then: { ends: boolean; written: string[] }]>([
    ['once is reported, and the next machine may do better', { boots: 1 }, 1, { ends: false, written: [boot] }],
    ['for the third time ends the launch', { boots: 3 }, 1, { ends: true, written: [boot, outcome] }],
    ['by a refusal that lasts ends the launch at the first', { boots: 1 }, 3, { ends: true, written: [boot, outcome] }],
    ['by a refusal that lasts ends it without a report', { write: () => refused }, 3, { ends: true, written: [] }],
    ['ends it where its report is refused for good', { write: () => refused }, 1, { ends: true, written: [] }],
    ['ends it where there is no bucket for its report', { write: () => noBucket }, 1, { ends: true, written: [] }],
    [
      'ends it where the outcome alone is refused',
      { boots: 3, write: (_n, key) => (key.includes('outcome') ? refused : ok()) },
      1,
      { ends: true, written: [boot] },
    ],
    [
      'is done where another machine has ended it',
      { end: () => deletedBefore },
      3,
      { ends: true, written: [boot, outcome] },
    ],
    [
      'tries again where the end of the launch meets trouble',
      { end: (n) => (n < 3 ? broken : deleted) },
      3,
      { ends: true, written: [boot, outcome] },
    ],
    [
      'tries again until a right to end it comes',
      { end: (n) => (n < 3 ? mayNot : deleted) },
      3,
      { ends: true, written: [boot, outcome] },
    ],
  ])('%s', async (_what, given, code, { ends, written }) => {
    await using at = await machine(given);
    const ended = await at.fails(code);
    expect(ended, ended.output).toMatchObject({ code: 0 });
    expect(at.counts.end > 0).toBe(ends);
    expect([...new Set(at.written)]).toEqual(written);
  });

  test('gives up after a while where it may not end the launch, and says so by its exit code', async () => {
    await using at = await machine({ end: () => mayNot });
    const ended = await at.fails(3);
    expect(ended, ended.output).toMatchObject({ code: 3 });
    expect(at.counts.end).toBeGreaterThan(1);
    expect(ended.output).toContain('UnauthorizedOperation');
  });

  test.each<[what: string, given: Partial<Services>, written: string[]]>([
    ['takes no report', { write: () => broken }, []],
    ['lists no boots', { list: () => broken }, [boot, outcome]],
    ['has lost its key', { write: () => ({ status: 400, body: '<Code>KMS.DisabledException</Code>' }) }, []],
  ])('ends the launch in the end where a bucket in trouble %s', async (_what, given, written) => {
    await using at = await machine(given, 1);
    const ended = await at.fails(1);
    expect(ended, ended.output).toMatchObject({ code: 0 });
    expect(at.counts.end).toBe(1);
    expect([...new Set(at.written)]).toEqual(written);
  });

  test('is reported once the bucket recovers, though that takes longer than a refusal may, and the next may do better', async () => {
    let isBroken = true;
    const given = {
      write: () => (isBroken ? broken : ok()),
      // Asked for once the time of a refusal is over.
      dryRun: () => ((isBroken = false), mayNot),
    };
    await using at = await machine(given, 1);
    const ended = await at.fails(1);
    expect(ended, ended.output).toMatchObject({ code: 0 });
    expect([at.counts.end, at.written]).toEqual([0, [boot]]);
  });

  test('is given up after five minutes where EC2 does not answer either', async () => {
    await using at = await machine({ write: () => broken, dryRun: () => silent }, 1);
    const ended = await at.fails(1);
    expect(ended, ended.output).toMatchObject({ code: 1 });
    expect(at.counts.end).toBe(0);
  });
});
