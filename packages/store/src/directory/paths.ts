import { join } from 'node:path';

/**
 * How keys become paths: a segment's letters, digits and `._-` stay, all other bytes are written as `%XX`; the file of an
 * object ends with `=`, so that `a` and `a/b` can both be there. Names are longer than a file system's limit only for
 * segments that S3 users don't write; such a put fails.
 */
export function objectPath(root: string, key: string): string {
  return `${join(root, ...key.split('/').map(encodeSegment))}=`;
}

export function folderPath(root: string, folder: string): string {
  return join(
    root,
    ...folder
      .split('/')
      .filter((segment) => segment !== '')
      .map(encodeSegment),
  );
}

/** What a name in a folder stands for: an object's last segment, or a folder's with a `/` behind it. */
export function segmentOf(name: string, isFolder: boolean): string | null {
  if (isFolder) return `${decodeURIComponent(name)}/`;
  return name.endsWith('=') ? decodeURIComponent(name.slice(0, -1)) : null;
}

function encodeSegment(segment: string): string {
  const encode = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return segment.replace(/[^A-Za-z0-9._-]/gu, (character) => Array.from(Buffer.from(character), encode).join(''));
}
