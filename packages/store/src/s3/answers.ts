import { decodeListedKey } from '../port/keys.ts';
import { type HeadResult, type ObjectInfo, type OpenUpload, type PartInfo, StoreError } from '../port/object-store.ts';
import type { HttpAnswer } from './http-call.ts';
import { xmlElements, xmlText, parseXmlAnswer, type XmlNode } from './xml.ts';

/** One page of a listing; `next` is the query that asks for the page after it. */
export interface AnswerPage<T> {
  readonly items: readonly T[];
  readonly next: Readonly<Record<string, string>> | null;
}

export function plainEtag(etag: string): string {
  return etag.replace(/^(W\/)?"(.*)"$/, '$2');
}

/** What HEAD and GET tell about an object. */
export function infoOf(answer: HttpAnswer, key: string): HeadResult {
  const { serverTimeMs } = answer;
  const lastModifiedMs = Date.parse(answer.header('last-modified') ?? '');
  const sizeBytes = totalSize(answer);
  const etag = answer.header('etag');
  if (serverTimeMs === null || Number.isNaN(lastModifiedMs) || sizeBytes === null || etag === null) {
    throw new StoreError('permanent', `the answer for ${key} lacks its date, size, etag or time of change`, { key });
  }
  return { key, sizeBytes, etag: plainEtag(etag), lastModifiedMs, serverTimeMs };
}

/** The whole object's size, also where a range of it was answered. */
function totalSize(answer: HttpAnswer): number | null {
  const header =
    answer.status === 206
      ? /\/(\d+)$/.exec(answer.header('content-range') ?? '')?.[1]
      : answer.header('content-length');
  return header === null || header === undefined ? null : Number(header);
}

export function rootOf(text: string, name: string): XmlNode {
  const parsed = parseXmlAnswer(text);
  if (parsed?.name === name) return parsed.root;
  throw new StoreError('transient', `expected ${name} in the answer, found ${parsed?.name ?? 'no XML'}`);
}

export function objectsPage(text: string): AnswerPage<ObjectInfo> {
  const root = rootOf(text, 'ListBucketResult');
  const items = xmlElements(root, 'Contents').map((entry) => ({
    key: decodeListedKey(textIn(entry, 'Key')),
    sizeBytes: Number(textIn(entry, 'Size')),
    etag: plainEtag(textIn(entry, 'ETag')),
    lastModifiedMs: Date.parse(textIn(entry, 'LastModified')),
  }));
  return { items, next: nextObjects(root) };
}

export function foldersPage(text: string): AnswerPage<string> {
  const root = rootOf(text, 'ListBucketResult');
  const items = xmlElements(root, 'CommonPrefixes').map((entry) => decodeListedKey(textIn(entry, 'Prefix')));
  return { items, next: nextObjects(root) };
}

function nextObjects(root: XmlNode): AnswerPage<never>['next'] {
  const token = xmlText(root, 'NextContinuationToken');
  return isTruncated(root) && token !== null ? { 'continuation-token': token } : null;
}

export function partsPage(text: string): AnswerPage<PartInfo> {
  const root = rootOf(text, 'ListPartsResult');
  const items = xmlElements(root, 'Part').map((entry) => ({
    partNumber: Number(textIn(entry, 'PartNumber')),
    sizeBytes: Number(textIn(entry, 'Size')),
    etag: plainEtag(textIn(entry, 'ETag')),
    crc32: xmlText(entry, 'ChecksumCRC32'),
  }));
  const marker = xmlText(root, 'NextPartNumberMarker');
  return { items, next: isTruncated(root) && marker !== null ? { 'part-number-marker': marker } : null };
}

export function uploadsPage(text: string): AnswerPage<OpenUpload> {
  const root = rootOf(text, 'ListMultipartUploadsResult');
  const items = xmlElements(root, 'Upload').map((entry) => ({
    key: decodeListedKey(textIn(entry, 'Key')),
    uploadId: textIn(entry, 'UploadId'),
    initiatedMs: Date.parse(textIn(entry, 'Initiated')),
  }));
  const key = xmlText(root, 'NextKeyMarker');
  const uploadId = xmlText(root, 'NextUploadIdMarker');
  const more = isTruncated(root) && key !== null && uploadId !== null;
  return { items, next: more ? { 'key-marker': decodeListedKey(key), 'upload-id-marker': uploadId } : null };
}

function isTruncated(root: XmlNode): boolean {
  return xmlText(root, 'IsTruncated') === 'true';
}

function textIn(node: XmlNode, name: string): string {
  const text = xmlText(node, name);
  if (text === null) throw new StoreError('transient', `the answer lacks ${name}`);
  return text;
}
