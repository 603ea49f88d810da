import type { VerifiedCall, S3Reply } from '../call/call.ts';
import { childrenOf, parseRequestXml, renderXml, textOf } from '../call/xml.ts';
import { assertTags, versionFor, versionIdHeader } from './details.ts';

export function getObjectTagging(call: VerifiedCall): S3Reply {
  const { bucket, version } = subject(call);
  const tags = Object.entries(version.tags).map(([Key, Value]) => ({ Key, Value }));
  return {
    status: 200,
    headers: versionIdHeader(bucket, version),
    body: renderXml('Tagging', { TagSet: { Tag: tags } }),
  };
}

export async function putObjectTagging(call: VerifiedCall): Promise<S3Reply> {
  const text = await call.body.text();
  const [set] = childrenOf(parseRequestXml(text, 'Tagging'), 'TagSet');
  const pairs = childrenOf(set ?? {}, 'Tag').map(
    (tag) => [textOf(tag, 'Key') ?? '', textOf(tag, 'Value') ?? ''] as const,
  );
  return setTags(call, assertTags(pairs), 200);
}

export function deleteObjectTagging(call: VerifiedCall): S3Reply {
  return setTags(call, {}, 204);
}

function setTags(call: VerifiedCall, tags: Record<string, string>, status: number): S3Reply {
  const { bucket, version } = subject(call);
  bucket.commit({ type: 'tags', key: call.key, versionId: version.versionId, tags });
  return { status, headers: versionIdHeader(bucket, version) };
}

function subject(call: VerifiedCall) {
  const bucket = call.buckets.get(call.bucket);
  return { bucket, version: versionFor(bucket, call.key, call.query.get('versionId')) };
}
