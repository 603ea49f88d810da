import { createHash, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { command, type Hint, isRunctlError, messageOf, RunctlError } from '@runctl/core';
import {
  sandboxControlPath,
  sandboxControlVersion,
  sandboxRequests,
  type SandboxAnswer,
  type SandboxRequestName,
  type SandboxTarget,
} from '@runctl/protocol';
import { ZodError, type z } from 'zod';
import type { S3Service } from '../api/s3/index.ts';
import type { MetadataFault } from '../imds/faults.ts';
import type { MetadataServices } from '../imds/metadata-services.ts';
import { readConsoleTail } from '../machine/console-tail.ts';
import { AwsError } from '../model/aws-error.ts';
import { readBody } from '../wire/request-body.ts';
import type { Compute } from '../model/compute/compute.ts';
import { zones } from '../model/ec2/catalog.ts';
import { isAlive, type Instance } from '../model/ec2/instance.ts';
import type { Delays } from '../model/ec2/settings.ts';

export interface ControlOptions {
  readonly compute: Compute;
  readonly metadata: MetadataServices;
  readonly s3: S3Service;
  readonly adminToken: string;
  readonly startedAt: string;
  /** Begins the end of the region. */
  readonly stop: () => void;
}

type Parsed<Name extends SandboxRequestName> = z.output<(typeof sandboxRequests)[Name]>;
type Handlers = {
  readonly [Name in SandboxRequestName]: (request: Parsed<Name>) => SandboxAnswer<Name> | Promise<SandboxAnswer<Name>>;
};

export function isControlRequest(request: IncomingMessage): boolean {
  return request.url?.startsWith(sandboxControlPath) === true;
}

/** The control channel: what a laptop may do to the region, and no instance. */
export function createControl(options: ControlOptions): RequestListener {
  const handlers = handlersOf(options);
  const expected = sha256(`Bearer ${options.adminToken}`);
  return (request, response) => {
    if (!timingSafeEqual(sha256(request.headers.authorization ?? ''), expected)) {
      request.resume();
      return answer(response, 403, failure('access-denied', 'the control token is missing or wrong'));
    }
    perform(handlers, request).then(
      (content) => answer(response, 200, content),
      (error: unknown) => {
        const { status, content } = failureOf(error);
        answer(response, status, content);
      },
    );
  };
}

function handlersOf({ compute, metadata, s3, startedAt, stop }: ControlOptions): Handlers {
  const { settings } = compute;
  const each = (target: SandboxTarget, action: (instance: Instance) => void) => {
    const chosen = chooseInstances(compute, target);
    for (const instance of chosen) action(instance);
    return { instanceIds: chosen.map((instance) => instance.id) };
  };
  return {
    status: () => statusOf(compute, startedAt),
    interrupt: ({ target, ...how }) => {
      // EC2 gives a notice to spot instances only.
      const spotOnly = 'all' in target && how.notice !== false;
      const chosen = chooseInstances(compute, target).filter(({ spec }) => !spotOnly || spec.market === 'spot');
      for (const { id } of chosen) compute.interrupt(id, defined(how));
      return { instanceIds: chosen.map(({ id }) => id) };
    },
    rebalance: ({ target }) => each(target, ({ id }) => compute.recommendRebalance(id)),
    capacity: ({ capacity, errorCode, ...pool }) => {
      settings.setCapacity(defined(pool), capacity, errorCode);
      return {};
    },
    'clear-capacity': () => done(() => settings.clearCapacity()),
    delays: ({ changes }) => done(() => settings.setDelays(knownDelays(changes, settings.delays))),
    throttle: ({ action, everyNth }) => done(() => settings.setThrottle(action, everyNth)),
    'fail-next': ({ action, code, ...more }) => done(() => settings.failNext(action, code, defined(more))),
    'clear-failures': () => done(() => settings.clearFailures()),
    quota: ({ vcpus, ...of }) => done(() => settings.quotas.set(of, vcpus)),
    'fleet-rests': (changes) => done(() => settings.setFleetRests(defined(changes))),
    'fleet-role': ({ present }) => done(() => settings.setFleetRole(present)),
    'default-vpc': ({ present }) => done(() => settings.setDefaultVpc(present)),
    'way-out': ({ zone, way }) => done(() => setWayOut(compute, zone, way)),
    'grant-role': ({ actions }) => done(() => settings.grantRole(actions)),
    // The service checks the rules itself and refuses what it does not know.
    's3-faults': ({ rules }) => done(() => s3.setFaults(rules as unknown as Parameters<S3Service['setFaults']>[0])),
    's3-faults-seen': () => ({ counts: [...s3.faultsSeen()] }),
    'imds-fault': ({ target, fault }) =>
      each(target, ({ id }) => metadata.misbehave(id, defined(fault) as MetadataFault)),
    partition: ({ target, partitioned }) => each(target, ({ machine }) => machine?.setPartitioned(partitioned)),
    'lose-disk': ({ target }) => loseDisk(compute, target),
    console: async ({ instanceId }) => ({ text: await consoleOf(compute, instanceId) }),
    stop: () => done(() => setImmediate(stop)),
  };
}

function setWayOut({ network }: Compute, zone: string | undefined, way: Parsed<'way-out'>['way']): void {
  const chosen = zones.filter(({ name }) => zone === undefined || name === zone);
  if (chosen.length === 0) throw new RunctlError('usage', `the sandbox has no zone ${zone}`);
  for (const { name } of chosen) network.setWayOut(name, way);
}

function done(action: () => void): Record<string, never> {
  action();
  return {};
}

function statusOf(compute: Compute, startedAt: string): SandboxAnswer<'status'> {
  const { scale, level, instances, fleets, events, ...rest } = compute.snapshot();
  return {
    version: sandboxControlVersion,
    level: level as SandboxAnswer<'status'>['level'],
    notReal: [...rest.notReal],
    region: rest.region,
    timeScale: scale,
    nowMs: rest.nowMs,
    startedAt,
    instances: instances.map((instance) => ({ ...instance, tags: { ...instance.tags } })),
    fleets: fleets.map((fleet) => ({ ...fleet, tags: { ...fleet.tags } })),
    events: [...events],
  };
}

async function loseDisk(compute: Compute, target: SandboxTarget): Promise<{ instanceIds: string[] }> {
  const chosen = chooseInstances(compute, target);
  for (const { id } of chosen) compute.interrupt(id, { notice: false });
  await Promise.all(
    chosen.map(async ({ machine, folder }) => {
      await machine?.ended;
      await rm(folder, { recursive: true, force: true });
    }),
  );
  return { instanceIds: chosen.map(({ id }) => id) };
}

async function consoleOf(compute: Compute, instanceId: string): Promise<string> {
  const instance = compute.instances.find(instanceId);
  if (instance === undefined) throw new RunctlError('instance-not-found', `no instance ${instanceId} in the sandbox`);
  const tail = await readConsoleTail(join(instance.folder, 'console.log')).catch(() => Buffer.alloc(0));
  return tail.toString('utf8');
}

function chooseInstances(compute: Compute, target: SandboxTarget): Instance[] {
  const alive = compute.instances.list().filter(isAlive);
  if ('all' in target) return alive;
  const chosen = alive.filter((instance) =>
    'run' in target ? instance.tags.get('runctl:run') === target.run : instance.id === target.instanceId,
  );
  if (chosen.length > 0) return chosen;
  const what = 'run' in target ? `instance of run ${target.run}` : `instance ${target.instanceId}`;
  throw new RunctlError('instance-not-found', `no running ${what} in the sandbox`, {
    hint: [command('sandbox status'), ' lists what runs'],
  });
}

function knownDelays(changes: Record<string, number | null>, known: Delays): Partial<Delays> {
  for (const name of Object.keys(changes))
    if (!(name in known))
      throw new RunctlError('usage', `the region has no delay ${name}`, {
        hint: `it has ${Object.keys(known).join(', ')}`,
      });
  return changes;
}

/** Without the members that are undefined, which an exact optional property must not be. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

async function perform(handlers: Handlers, request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request);
  const name = (request.url ?? '').slice(sandboxControlPath.length).split('?')[0] ?? '';
  if (!isRequestName(name)) throw new RunctlError('usage', `the sandbox has no control request '${name}'`);
  const content = sandboxRequests[name].parse(JSON.parse(body.toString() || '{}'));
  // Schema and handler stand under the same name.
  return (handlers[name] as (request: unknown) => unknown)(content);
}

function isRequestName(name: string): name is SandboxRequestName {
  return Object.hasOwn(sandboxRequests, name);
}

function failure(code: string, message: string, hint?: Hint): object {
  return { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

function failureOf(error: unknown): { status: number; content: object } {
  if (isRunctlError(error)) {
    const status = error.code === 'instance-not-found' ? 404 : 400;
    return { status, content: failure(error.code, error.message, error.hintParts) };
  }
  if (error instanceof ZodError || error instanceof AwsError || error instanceof SyntaxError)
    return { status: 400, content: failure('usage', messageOf(error)) };
  return { status: 500, content: failure('internal', messageOf(error)) };
}

function answer(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(content)}\n`);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
