import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { baseFolder, silentLog, systemClock, type Log } from '@runctl/core';
import { sandboxControlVersion, sandboxRegionFileName, type SandboxRegionFile } from '@runctl/protocol';
import type { RegionClock } from '../model/region-clock.ts';
import type { S3Service } from '../api/s3/index.ts';
import type { MachineDriver } from '../machine/driver.ts';
import type { MetadataServices } from '../imds/metadata-services.ts';
import { imageFolder } from '../machine/nspawn/image.ts';
import { createNspawnDriver } from '../machine/nspawn/nspawn-driver.ts';
import { createLiteDriver } from '../machine/lite/lite-driver.ts';
import { createProcessDriver } from '../machine/process/process-driver.ts';
import type { Compute } from '../model/compute/compute.ts';
import { instanceProfileName } from '../model/ec2/launch-spec.ts';
import type { Delays } from '../model/ec2/settings.ts';
import { loadAccount, saveAccount, writePrivateFile, type RegionAccount } from './account.ts';
import { ACCOUNT, createCloud } from './cloud.ts';
import { chooseDriver, type LevelChoice, type RefusedLevel } from './choose-driver.ts';
import { createControl, isControlRequest } from './control.ts';
import { processStartOf } from '../client/process-start.ts';
import { lockState, type StateLock } from './state-lock.ts';

export interface RegionOptions {
  /** Folder of the region's objects, account and instances; made if it is missing. */
  readonly stateFolder: string;
  /** `auto` takes the most real level that runs here. */
  readonly level?: LevelChoice;
  /** EC2's own delays are multiplied by this. */
  readonly timeScale?: number;
  /** Port on 127.0.0.1; 0 or left out: the one of the last region of this state folder if it is free, else any. */
  readonly port?: number;
  readonly region?: string;
  readonly delays?: Partial<Delays>;
  /** Folders that instances of a level with a file view of their own may read, besides the system's. */
  readonly sharedFolders?: readonly string[];
  /** Keeps the disks of terminated instances until the region ends, for looking at them. */
  readonly keepDisks?: boolean;
  /** File that takes every AWS call and its answer, one JSON line each. */
  readonly recordFile?: string;
  readonly log?: Log;
}

/** A region that answers. */
export interface Region {
  readonly file: SandboxRegionFile;
  /** Better levels that were tried and cannot run here. */
  readonly refused: readonly RefusedLevel[];
  /** Resolves when the region has ended, by `close` or by a request. */
  readonly closed: Promise<void>;
  /** Ends every instance and removes their folders; objects in S3 stay. Idempotent. */
  close(): Promise<void>;
}

const OS_STOP_LIMIT_MS = 90_000;

/**
 * Serves a region in this process until it is closed. Nothing of it outlives the process, however that ends.
 * Errors: `sandbox-running` when the state folder has a region already, `usage` when the level cannot run here.
 */
export async function serveRegion(options: RegionOptions): Promise<Region> {
  mkdirSync(options.stateFolder, { recursive: true, mode: 0o700 });
  const lock = lockState(options.stateFolder);
  try {
    return await start(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function start(options: RegionOptions, lock: StateLock): Promise<Region> {
  const { stateFolder, timeScale = 1, region = 'us-east-1', log = silentLog } = options;
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const clock: RegionClock = { nowMs: () => systemClock.wallMs(), scale: timeScale };
  // A killed region may have left instances.
  rmSync(join(stateFolder, 'instances'), { recursive: true, force: true });
  mkdirSync(join(stateFolder, 'instances'), { mode: 0o700 });
  const account = loadAccount(stateFolder);
  let listener: RequestListener = (_, response) => response.writeHead(503).end();
  // Longer than a client lets a connection lie idle: whoever takes one up again while it is being closed sees a reset.
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => listener(request, response));
  // Node would answer 417; AWS's services take no notice of an expectation that they don't know.
  server.on('checkExpectation', (request, response) => listener(request, response));
  const port = await listen(server, options.port ?? 0, account.port);
  saveAccount(stateFolder, { ...account, port });
  try {
    const { driver, refused } = await chooseDriver(driversOf(options, port), options.level ?? 'auto');
    const { compute, metadata, s3, bucket, front } = createCloud(options, { account, driver, clock, region, log });
    const file: SandboxRegionFile = {
      ...regionContact(account, { startedAt, port, region, timeScale }),
      bucket,
      level: driver.level,
      notReal: [...driver.notReal],
    };
    const close = closing({ server, compute, metadata, driver, s3, stateFolder, lock });
    const stop = () => void close();
    const control = createControl({ compute, metadata, s3, startedAt, adminToken: file.adminToken, stop });
    listener = (request, response) => (isControlRequest(request) ? control : front)(request, response);
    writePrivateFile(join(stateFolder, sandboxRegionFileName), file);
    endWithoutFolder(lock, close, log);
    return { file, refused, closed: close.done, close };
  } catch (error) {
    server.close();
    throw error;
  }
}

/** The address and the keys of a region, for its region file. */
function regionContact(
  account: RegionAccount,
  at: { readonly startedAt: string; readonly port: number; readonly region: string; readonly timeScale: number },
): Omit<SandboxRegionFile, 'bucket' | 'level' | 'notReal'> {
  return {
    version: sandboxControlVersion,
    pid: process.pid,
    processStart: processStartOf(process.pid) ?? '',
    startedAt: at.startedAt,
    endpoint: `http://127.0.0.1:${at.port}`,
    region: at.region,
    accountId: ACCOUNT,
    accessKeyId: account.accessKeyId,
    secretAccessKey: account.secretAccessKey,
    instanceProfile: instanceProfileName,
    timeScale: at.timeScale,
    adminToken: randomBytes(32).toString('base64url'),
  };
}

/** The most real level first. */
function driversOf(options: RegionOptions, endpointPort: number): MachineDriver[] {
  const stopLimitMs = Math.max(1000, OS_STOP_LIMIT_MS * (options.timeScale ?? 1));
  const { stateFolder, sharedFolders = [] } = options;
  const cache = baseFolder('XDG_CACHE_HOME', { environment: process.env, home: homedir() });
  return [
    createNspawnDriver({ endpointPort, image: imageFolder(cache) }),
    createLiteDriver({ endpointPort, stopLimitMs, sharedFolders, hiddenFolders: [stateFolder] }),
    createProcessDriver({ stopLimitMs, path: process.env['PATH'] ?? '' }),
  ];
}

async function listen(server: Server, wanted: number, last: number | undefined): Promise<number> {
  const ports = wanted !== 0 || last === undefined ? [wanted] : [last, 0];
  for (const [index, port] of ports.entries()) {
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      break;
    } catch (error) {
      if (index === ports.length - 1) throw error;
    }
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : wanted;
}

/** Period at which a region looks whether its state folder is still its own. */
const FOLDER_LOOK_MS = 1000;

/** Whoever removes the state folder of a region means the region: nothing could find it any more, to use it or to end it. */
function endWithoutFolder(lock: StateLock, close: ReturnType<typeof closing>, log: Log): void {
  const look = setInterval(() => {
    if (lock.isHeld()) return;
    log.error({}, 'sandbox: the state folder is gone; the region ends');
    close().catch(() => {}); // `closed` rejects too
  }, FOLDER_LOOK_MS).unref();
  close.done.finally(() => clearInterval(look)).catch(() => {});
}

interface Parts {
  readonly server: Server;
  readonly compute: Compute;
  readonly metadata: MetadataServices;
  readonly driver: MachineDriver;
  readonly s3: S3Service;
  readonly stateFolder: string;
  readonly lock: StateLock;
}

function closing(parts: Parts): (() => Promise<void>) & { readonly done: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {
    // Whoever waits for it hears of it.
  });
  let begun = false;
  const close = () => {
    if (!begun) {
      begun = true;
      end(parts).then(resolve, reject);
    }
    return promise;
  };
  return Object.assign(close, { done: promise });
}

async function end({ server, compute, metadata, driver, s3, stateFolder, lock }: Parts): Promise<void> {
  metadata.close();
  await compute.close();
  await driver.close();
  const quiet = once(server, 'close');
  server.close();
  // Answers that are being written, that of the stop request among them, get a moment.
  server.closeIdleConnections();
  await Promise.race([quiet, systemClock.sleep(200)]);
  server.closeAllConnections();
  s3.close();
  // What lies in a folder that was lost is another region's.
  if (!lock.isHeld()) return;
  await rm(join(stateFolder, 'instances'), { recursive: true, force: true });
  // In this order: whoever sees no region file may start the next region.
  rmSync(join(stateFolder, sandboxRegionFileName), { force: true });
  lock.release();
}
