import { createHash } from 'node:crypto';
import { SignedExchange, domainOf, elementText, encodeUriStrictly, type UnsignedRequest } from '@runctl/aws-wire';
import { ServiceRefusal, withRepeats, wireCredentials, type ServiceConnection } from './account-services.ts';

/** Settings of a bucket that runctl reads or writes, by their sub-resource. */
export type ManagedSetting = 'lifecycle' | 'publicAccessBlock' | 'encryption' | 'tagging';

/** Calls on a bucket itself. All reject with ServiceRefusal and `cloud-unreachable`. */
export interface BucketAdministration {
  /** The setting's XML; null where the bucket has none. */
  read(setting: ManagedSetting): Promise<string | null>;
  write(setting: ManagedSetting, xml: string): Promise<void>;
  clear(setting: ManagedSetting): Promise<void>;
  /** Null: there is no such bucket. Rejects with `AccessDenied` for one of another account. */
  location(): Promise<string | null>;
  create(): Promise<void>;
  /** Rejects with `BucketNotEmpty`. */
  remove(): Promise<void>;
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Answers that mean "this bucket has no such setting". */
const WITHOUT = new Set([
  'NoSuchLifecycleConfiguration',
  'NoSuchPublicAccessBlockConfiguration',
  'ServerSideEncryptionConfigurationNotFoundError',
  'NoSuchTagSet',
]);

/** The bucket stands in the path, which S3 takes of every bucket, those with dots included. */
export function bucketAdministration(bucket: string, connection: ServiceConnection): BucketAdministration {
  const { access, clock, timeoutMs = 10_000 } = connection;
  const { region, endpoints = {} } = access;
  const credentials = wireCredentials(access);
  const endpoint = endpoints.s3 ?? `https://s3.${region}.${domainOf(region)}`;
  const exchange = new SignedExchange({ service: 's3', region, endpoint, credentials, clock, timeoutMs });
  const path = `/${encodeUriStrictly(bucket)}`;
  const send = (method: UnsignedRequest['method'], query: Record<string, string>, body = ''): Promise<string> =>
    withRepeats(clock, async () => {
      const headers = body === '' ? {} : headersOf(body);
      const answer = await exchange.send({ method, path, query, headers, body });
      if (answer.status < 300) return answer.body;
      const code = elementText(answer.body, 'Code') ?? `HTTP ${answer.status}`;
      throw new ServiceRefusal(code, elementText(answer.body, 'Message') ?? code, answer.status);
    });
  return {
    read: (setting) => send('GET', { [setting]: '' }).catch((error: unknown) => absentAs(error, WITHOUT)),
    write: async (setting, xml) => void (await send('PUT', { [setting]: '' }, xml)),
    clear: async (setting) => void (await send('DELETE', { [setting]: '' })),
    location: async () => {
      const xml = await send('GET', { location: '' }).catch((error: unknown) =>
        absentAs(error, new Set(['NoSuchBucket'])),
      );
      if (xml === null) return null;
      // The oldest region has no name here, and Ireland an old one (S3 API reference, GetBucketLocation).
      const name = />([\w-]+)<\/LocationConstraint>/.exec(xml)?.[1] ?? 'us-east-1';
      return name === 'EU' ? 'eu-west-1' : name;
    },
    create: async () => {
      const place = `<LocationConstraint>${region}</LocationConstraint>`;
      const body = `<CreateBucketConfiguration xmlns="${NAMESPACE}">${place}</CreateBucketConfiguration>`;
      await send('PUT', {}, region === 'us-east-1' ? '' : body);
    },
    remove: async () => void (await send('DELETE', {})),
  };
}

/** Settings are only taken with a checksum (S3 API reference, PutBucketLifecycleConfiguration). */
function headersOf(body: string): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/xml',
    'content-length': String(Buffer.byteLength(body)),
    'content-md5': createHash('md5').update(body).digest('base64'),
  };
}

function absentAs(error: unknown, codes: ReadonlySet<string>): null {
  if (error instanceof ServiceRefusal && codes.has(error.name)) return null;
  throw error;
}
