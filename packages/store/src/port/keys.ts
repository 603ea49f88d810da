import { StoreError } from './object-store.ts';

/** Orders keys as S3 lists them: by their UTF-8 bytes, which differs from JavaScript's order beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** Throws unless the key can be kept by every store (see ObjectStore). */
export function assertKey(key: string): void {
  const segments = key.split('/');
  const sound =
    key.isWellFormed() && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (!sound) throw new StoreError('permanent', `not a usable key: ${JSON.stringify(key)}`, { key });
  if (Buffer.byteLength(key) > 1024) throw new StoreError('permanent', `key longer than 1024 bytes: ${key}`, { key });
}

/** The folder (up to and with the next `/` after `prefix`) that a key lies in, or null when it lies in none. */
export function folderOf(key: string, prefix: string): string | null {
  const slash = key.indexOf('/', prefix.length);
  return slash < 0 ? null : key.slice(0, slash + 1);
}

/** Undoes `encoding-type=url` of a listing, where a blank may come as `+`. */
export function decodeListedKey(text: string): string {
  return decodeURIComponent(text.replaceAll('+', '%20'));
}
