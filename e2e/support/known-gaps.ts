/**
 * What S3 servers written by others do unlike S3, as seen with the version that is named: tests of the store's conformance
 * suite by their titles, and why each fails there. docs/s3-servers.md has the same for people, held to this by a test.
 */
export interface GapsOfServer {
  readonly seenWith: string;
  readonly gaps: Readonly<Record<string, string>>;
  /** It keeps the checksum of an object and shows it, so that a reader can compare. */
  readonly keepsChecksums: { readonly plain: boolean; readonly multipart: boolean };
  /** The answer to a completion names the object's etag. */
  readonly tellsEtagOfParts: boolean;
}

export const rgwGaps: GapsOfServer = {
  seenWith: 'Ceph RGW 16.2.15',
  gaps: {
    'tells the checksum of a whole object when asked for it': 'no checksum is kept',
    'replaces only the version that was expected': 'If-Match of a PUT never matches a quoted etag, and is always 412',
    'lets one of many writers win, whether they make or replace': 'If-Match of a PUT is always 412, so nobody wins',
    'joins parts in order of their numbers, whatever the order of their arrival': 'ListParts does not show checksums',
    'refuses a part that was damaged on its way, so that it is sent again': 'x-amz-checksum-crc32 is not looked at',
    'keeps a condition at completion, and the upload when it fails': 'conditions of a completion are not looked at',
    'copies no part of a source that is missing or has changed':
      'x-amz-copy-source-if-match of a part is not looked at',
  },
  keepsChecksums: { plain: false, multipart: false },
  tellsEtagOfParts: false,
};

export const motoGaps: GapsOfServer = {
  seenWith: 'moto 5.2.5',
  gaps: {
    'tells the checksum of a whole object when asked for it':
      "the checksum is kept only when a header of the SDK's own names the algorithm",
    'joins parts in order of their numbers, whatever the order of their arrival':
      'ListParts answers ListPartsResponse where S3 has ListPartsResult',
    'refuses parts that are unknown, too small, out of order or of the wrong sum':
      'an announced size of the whole object is not looked at',
    'refuses a part that was damaged on its way, so that it is sent again': 'x-amz-checksum-crc32 is not looked at',
    'keeps a condition at completion, and the upload when it fails':
      'ListParts answers ListPartsResponse where S3 has ListPartsResult',
    'forgets an aborted upload': 'a part for an upload that is gone is an error of the server itself',
    'copies no part of a source that is missing or has changed':
      'x-amz-copy-source-if-match of a part is not looked at',
  },
  keepsChecksums: { plain: false, multipart: true },
  tellsEtagOfParts: true,
};
