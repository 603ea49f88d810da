import type { ListOptions } from '../port/object-store.ts';
import type { AnswerPage } from './answers.ts';
import type { S3Call, S3Client } from './s3-client.ts';

/** What a bucket holds, as ListObjectsV2 tells it; `query` is what is asked besides the options. */
export async function* bucketListing<T>(
  client: S3Client,
  { prefix, startAfter, limit, signal, query: more }: ListOptions & { readonly query?: S3Call['query'] },
  read: (text: string) => AnswerPage<T>,
): AsyncIterable<T> {
  const query = {
    'list-type': '2',
    'encoding-type': 'url',
    prefix,
    ...(startAfter === undefined ? {} : { 'start-after': startAfter }),
    ...(limit === undefined ? {} : { 'max-keys': String(Math.min(1000, limit)) }),
    ...more,
  };
  if (limit === 0) return;
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const item of pagedAnswers(client, { method: 'GET', key: null, query, signal }, read)) {
    yield item;
    if (--left <= 0) return;
  }
}

/** Repeats a listing call with what each page says of the next one. */
export async function* pagedAnswers<T>(
  client: S3Client,
  call: S3Call,
  read: (text: string) => AnswerPage<T>,
): AsyncIterable<T> {
  let next: AnswerPage<T>['next'] = {};
  while (next !== null) {
    const { text } = await client.callForText({ ...call, query: { ...call.query, ...next } });
    const page: AnswerPage<T> = read(text);
    yield* page.items;
    next = page.next;
  }
}
