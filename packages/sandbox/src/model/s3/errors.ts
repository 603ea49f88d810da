/** Every error that S3 answers on its own, in its words (API reference, "Error responses"). */
const messages = {
  AccessDenied: 'Access Denied',
  AuthorizationHeaderMalformed: 'The authorization header that you provided is not valid.',
  BadDigest: 'The Content-MD5 or checksum value that you specified did not match what the server received.',
  BucketAlreadyOwnedByYou: 'Your previous request to create the named bucket succeeded and you already own it.',
  BucketNotEmpty: 'The bucket you tried to delete is not empty',
  ConditionalRequestConflict:
    'The conditional request cannot succeed due to a conflicting operation against this resource.',
  EntityTooLarge: 'Your proposed upload exceeds the maximum allowed object size.',
  EntityTooSmall: 'Your proposed upload is smaller than the minimum allowed size',
  ExpiredToken: 'The provided token has expired.',
  IllegalVersioningConfigurationException: 'The versioning configuration specified in the request is invalid.',
  IncompleteBody: 'You did not provide the number of bytes specified by the Content-Length HTTP header',
  InternalError: 'We encountered an internal error. Please try again.',
  InvalidAccessKeyId: 'The AWS Access Key Id you provided does not exist in our records.',
  InvalidArgument: 'Invalid Argument',
  InvalidBucketName: 'The specified bucket is not valid.',
  InvalidChunkSizeError: 'Only the last chunk is allowed to have a size less than 8192 bytes',
  InvalidDigest: 'The Content-MD5 you specified was invalid.',
  InvalidPart:
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  InvalidPartOrder: 'The list of parts was not in ascending order. Parts must be ordered by part number.',
  InvalidRange: 'The requested range is not satisfiable',
  InvalidRequest: 'Invalid Request',
  InvalidTag: 'The tag provided was not a valid tag.',
  InvalidToken: 'The provided token is malformed or otherwise invalid.',
  InvalidURI: "Couldn't parse the specified URI.",
  KeyTooLongError: 'Your key is too long',
  MalformedPolicy: 'Policies must be valid JSON',
  MalformedTrailerError: 'The request contained trailing data that was not well-formed.',
  MalformedXML: 'The XML you provided was not well-formed or did not validate against our published schema',
  MetadataTooLarge: 'Your metadata headers exceed the maximum allowed metadata size',
  MethodNotAllowed: 'The specified method is not allowed against this resource.',
  MissingContentLength: 'You must provide the Content-Length HTTP header.',
  NoSuchBucket: 'The specified bucket does not exist',
  NoSuchBucketPolicy: 'The bucket policy does not exist',
  NoSuchCORSConfiguration: 'The CORS configuration does not exist',
  NoSuchKey: 'The specified key does not exist.',
  NoSuchLifecycleConfiguration: 'The lifecycle configuration does not exist',
  NoSuchPublicAccessBlockConfiguration: 'The public access block configuration was not found',
  NoSuchTagSet: 'The TagSet does not exist',
  NoSuchUpload:
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  NoSuchVersion: 'The specified version does not exist.',
  NoSuchWebsiteConfiguration: 'The specified bucket does not have a website configuration',
  NotImplemented: 'A header or operation you provided implies functionality that is not implemented',
  ObjectLockConfigurationNotFoundError: 'Object Lock configuration does not exist for this bucket',
  OwnershipControlsNotFoundError: 'The bucket ownership controls were not found',
  PreconditionFailed: 'At least one of the pre-conditions you specified did not hold',
  ReplicationConfigurationNotFoundError: 'The replication configuration was not found',
  RequestTimeTooSkewed: 'The difference between the request time and the current time is too large.',
  RequestTimeout: 'Your socket connection to the server was not read from or written to within the timeout period.',
  SignatureDoesNotMatch:
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  SlowDown: 'Please reduce your request rate.',
  XAmzContentSHA256Mismatch: "The provided 'x-amz-content-sha256' header does not match what was computed.",
} as const satisfies Record<string, string>;

export type S3ErrorCode = keyof typeof messages;

export interface S3ErrorOptions {
  /** S3's usual words for the code when left out. */
  readonly message?: string;
  /** Elements beside Code and Message in the answer, such as `Key`. */
  readonly fields?: Readonly<Record<string, string | number>>;
}

/** A refusal of S3, in S3's terms. The code is a plain string because fault rules may answer any code. */
export class S3Error extends Error {
  readonly code: string;
  readonly fields: Readonly<Record<string, string | number>>;

  constructor(code: S3ErrorCode, options?: S3ErrorOptions);
  constructor(code: string, options: S3ErrorOptions & { readonly message: string });
  constructor(code: string, options: S3ErrorOptions = {}) {
    super(options.message ?? (code in messages ? messages[code as S3ErrorCode] : code));
    this.name = 'S3Error';
    this.code = code;
    this.fields = options.fields ?? {};
  }
}
