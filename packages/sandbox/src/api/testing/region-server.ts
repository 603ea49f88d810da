import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { silentLog, systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { createCompute } from '../../model/compute/compute.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { Delays } from '../../model/ec2/settings.ts';
import { ScriptedDriver } from '../../model/testing/scripted-driver.ts';
import type { Principal } from '../../model/account/principal.ts';
import { exchangesInto, recordExchanges } from '../../wire/record-exchanges.ts';
import type { Service } from '../../wire/service.ts';
import { createS3Service, type S3Service } from '../s3/index.ts';
import { createEc2Service } from '../ec2/service.ts';
import { createIamService } from '../iam/service.ts';
import { createPricingService } from '../pricing/service.ts';
import { createQuotasService } from '../servicequotas/service.ts';
import { createSsmService } from '../ssm/service.ts';
import { createStsService } from '../sts/service.ts';

/** A region over HTTP, for clients. It believes who a request says it is: signatures are checked elsewhere. */
export interface RegionServer extends AsyncDisposable {
  readonly compute: Compute;
  readonly driver: ScriptedDriver;
  readonly endpoint: string;
  /** Its signatures are checked. */
  readonly s3: S3Service;
  /** Environment of a client process. */
  readonly environment: Readonly<Record<string, string>>;
  /** `service:Action` of every call that was answered. */
  readonly served: ReadonlySet<string>;
  /** File with every call and its answer, for the models of others; gone with the region. */
  readonly exchanges: string;
}

/** The access key and the service of the credential scope of a signed request. */
function signer(request: IncomingMessage): { accessKeyId: string; service: string } {
  const found = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  return { accessKeyId: found?.[1] ?? '', service: found?.[2] ?? '' };
}

/** The request with its body still to be read. */
function replayed(request: IncomingMessage, body: Buffer): IncomingMessage {
  const { headers, method, url } = request;
  return Object.assign(Readable.from([body]), { headers, method, url }) as unknown as IncomingMessage;
}

const nobody: Principal = { accessKeyId: '', kind: 'user', arn: '' };

export async function regionServer(settings: Partial<Delays> = {}): Promise<RegionServer> {
  const folder = await temporaryFolder('runctl-region');
  const driver = new ScriptedDriver();
  const served = new Set<string>();
  const compute = createCompute({
    machines: driver,
    clock: { nowMs: () => Date.now(), scale: 0.01 },
    region: 'us-east-1',
    accountId: '123456789012',
    folder: folder.path,
    timers: systemClock,
    settings: { fleetRetryMs: 100, fleetHistoryDelayMs: 0, ...settings },
    userKey: { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'secret' },
  });
  const services: Readonly<Record<string, Service>> = {
    ec2: createEc2Service(compute),
    iam: createIamService(compute),
    pricing: createPricingService(compute),
    servicequotas: createQuotasService(compute),
    ssm: createSsmService(compute),
    sts: createStsService(compute),
  };
  const exchanges = join(folder.path, 'exchanges.ndjson');
  const s3 = createS3Service({
    root: join(folder.path, 's3'),
    credentials: compute.credentials,
    clock: compute.clock,
    region: compute.region,
    enforceRegion: true,
  });
  const answerAll: RequestListener = (request, response) => {
    const answer = async () => {
      const { accessKeyId, service } = signer(request);
      if (service === 's3') return s3.handle(request, response);
      const body = await buffer(request);
      const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
      served.add(`${service}:${target ?? new URLSearchParams(body.toString()).get('Action')}`);
      const principal = compute.credentials.find(accessKeyId)?.principal ?? nobody;
      await services[service]?.handle(replayed(request, body), response, principal);
    };
    answer().catch((error: unknown) => response.destroy(error as Error));
  };
  const server = createServer(recordExchanges(answerAll, exchangesInto(exchanges, silentLog)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { accessKeyId, secretAccessKey } = compute.credentials.userKey;
  return {
    compute,
    driver,
    endpoint,
    s3,
    served,
    exchanges,
    environment: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_PAGER: '',
      AWS_MAX_ATTEMPTS: '1',
    },
    [Symbol.asyncDispose]: async () => {
      await compute.close();
      server.closeAllConnections();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Asks until `found` gives something other than undefined; for a client that sees a region at work. */
export async function eventually<Value>(found: () => Promise<Value | undefined>, what: string): Promise<Value> {
  const giveUpAt = performance.now() + 20_000;
  for (;;) {
    const value = await found();
    if (value !== undefined) return value;
    if (performance.now() > giveUpAt) throw new Error(`never happened: ${what}`);
    await systemClock.sleep(10);
  }
}
