import type { Call, Reply } from '../call/call.ts';
import { childrenOf, parseXml, renderXml, textOf } from '../call/xml.ts';
import { assertTags, versionFor, versionIdHeader } from './details.ts';

export function getObjectTagging(call: Call): Reply {
  const { bucket, version } = subject(call);
  const tags = Object.entries(version.tags).map(([Key, Value]) => ({ Key, Value }));
  return {
    status: 200,
    headers: versionIdHeader(bucket, version),
    body: renderXml('Tagging', { TagSet: { Tag: tags } }),
  };
}

export async function putObjectTagging(call: Call): Promise<Reply> {
  const text = await call.body.text();
  const [set] = childrenOf(parseXml(text, 'Tagging'), 'TagSet');
  const pairs = childrenOf(set ?? {}, 'Tag').map(
    (tag) => [textOf(tag, 'Key') ?? '', textOf(tag, 'Value') ?? ''] as const,
  );
  return setTags(call, assertTags(pairs), 200);
}

export function deleteObjectTagging(call: Call): Reply {
  return setTags(call, {}, 204);
}

function setTags(call: Call, tags: Record<string, string>, status: number): Reply {
  const { bucket, version } = subject(call);
  bucket.commit({ type: 'tags', key: call.key, versionId: version.versionId, tags });
  return { status, headers: versionIdHeader(bucket, version) };
}

function subject(call: Call) {
  const bucket = call.buckets.get(call.bucket);
  return { bucket, version: versionFor(bucket, call.key, call.query.get('versionId')) };
}
