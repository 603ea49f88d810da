import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  NoSuchKey,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { gunzipSync } from 'node:zlib';
import {
  attemptDrained,
  attemptNotice,
  attemptOutcome,
  attemptStarted,
  attemptStatus,
  decodeDocument,
  latestPointer,
  launchMachines,
  launchOutcome,
  manifest,
  parseLogKey,
  runKeys,
  type AttemptOutcome,
  type AttemptStatus,
  type LatestPointer,
  type LaunchOutcome,
  type Manifest,
} from '@runctl/protocol';
import type { ZodType, output } from 'zod';

/** The bucket as the AWS SDK sees it: the tests never read it through our own adapter. */
export class Bucket implements Disposable {
  readonly #client: S3Client;
  readonly #name: string;

  constructor(client: S3Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  close(): void {
    this.#client.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async bytes(key: string): Promise<Buffer | null> {
    try {
      const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#name, Key: key }));
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    } catch (error) {
      if (error instanceof NoSuchKey) return null;
      throw error;
    }
  }

  async write(key: string, content: string | Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.#name, Key: key, Body: content }));
  }

  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#name, Key: key }));
  }

  async keepVersions(): Promise<void> {
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await this.#client.send(new PutBucketVersioningCommand({ Bucket: this.#name, VersioningConfiguration }));
  }

  /** All that a key ever held, oldest first; on a bucket without versions what it holds now. */
  async history<S extends ZodType>(schema: S, key: string): Promise<output<S>[]> {
    const found = await this.#client.send(new ListObjectVersionsCommand({ Bucket: this.#name, Prefix: key }));
    if (found.IsTruncated === true) throw new Error(`more versions of ${key} than one answer holds`);
    const ids = (found.Versions ?? []).filter((version) => version.Key === key).map(({ VersionId }) => VersionId);
    const documents = ids.toReversed().map(async (VersionId) => {
      const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#name, Key: key, VersionId }));
      return decodeDocument(schema, (await answer.Body?.transformToByteArray()) ?? new Uint8Array(), key);
    });
    return Promise.all(documents);
  }

  /** Bytes of parts that S3 has of uploads below `prefix` that are not completed. */
  async unfinishedBytes(prefix: string): Promise<number> {
    const { Uploads = [] } = await this.#client.send(
      new ListMultipartUploadsCommand({ Bucket: this.#name, Prefix: prefix }),
    );
    const sizes = Uploads.map(async ({ Key, UploadId }) => {
      const { Parts = [] } = await this.#client.send(new ListPartsCommand({ Bucket: this.#name, Key, UploadId }));
      return Parts.reduce((sum, part) => sum + (part.Size ?? 0), 0);
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#name, Prefix: prefix, ContinuationToken: token }),
      );
      keys.push(...(page.Contents ?? []).map((object) => object.Key ?? ''));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  async #document<S extends ZodType>(schema: S, key: string): Promise<output<S> | null> {
    const bytes = await this.bytes(key);
    return bytes === null ? null : decodeDocument(schema, bytes, key);
  }

  status(run: string, generation: number): Promise<AttemptStatus | null> {
    return this.#document(attemptStatus, runKeys(run).attempt(generation, 0).status);
  }

  started(run: string, generation: number): Promise<output<typeof attemptStarted> | null> {
    return this.#document(attemptStarted, runKeys(run).attempt(generation, 0).started);
  }

  notice(run: string, generation: number): Promise<output<typeof attemptNotice> | null> {
    return this.#document(attemptNotice, runKeys(run).attempt(generation, 0).notice);
  }

  drained(run: string, generation: number): Promise<output<typeof attemptDrained> | null> {
    return this.#document(attemptDrained, runKeys(run).attempt(generation, 0).drained);
  }

  attemptOutcome(run: string, generation: number): Promise<AttemptOutcome | null> {
    return this.#document(attemptOutcome, runKeys(run).attempt(generation, 0).outcome);
  }

  outcome(run: string, launch = 1): Promise<LaunchOutcome | null> {
    return this.#document(launchOutcome, runKeys(run).launch(launch).outcome);
  }

  machines(run: string, launch = 1): Promise<output<typeof launchMachines> | null> {
    return this.#document(launchMachines, runKeys(run).launch(launch).machines);
  }

  latest(run: string): Promise<LatestPointer | null> {
    return this.#document(latestPointer, runKeys(run).latest);
  }

  manifest(key: string): Promise<Manifest | null> {
    return this.#document(manifest, key);
  }

  /** The log of one life, from its chunks; fails on a gap or an overlap. */
  async log(run: string, generation: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let end = 0;
    for (const key of await this.keys(runKeys(run).logFolder(generation, 0))) {
      const offset = parseLogKey(key)?.offset ?? Number.NaN;
      if (offset !== end)
        throw new Error(
          `the log of generation ${generation} has ${offset < end ? 'an overlap' : 'a gap'} at ${end}: ${key}`,
        );
      const piece = gunzipSync((await this.bytes(key)) ?? Buffer.alloc(0));
      pieces.push(piece);
      end += piece.length;
    }
    return Buffer.concat(pieces);
  }
}
