import { S3Error } from './errors.ts';
import type { ObjectVersion } from './records.ts';

type Subject = Pick<ObjectVersion, 'etag' | 'lastModifiedMs'>;

export interface ReadConditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
}

export interface WriteConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/**
 * Judges a conditional read (RFC 9110 §13, as GetObject documents it: If-Match true wins over If-Unmodified-Since false,
 * If-None-Match false wins over If-Modified-Since true).
 */
export function judgeRead(conditions: ReadConditions, subject: Subject): 'proceed' | 'not-modified' | S3Error {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, subject.etag)) return failed('If-Match');
  } else if (isAfter(subject, ifUnmodifiedSince) === true) return failed('If-Unmodified-Since');
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, subject.etag) ? 'not-modified' : 'proceed';
  return isAfter(subject, ifModifiedSince) === false ? 'not-modified' : 'proceed';
}

/**
 * Judges If-None-Match and If-Match of a write against the current version (S3 user guide, "conditional writes").
 * `deletedMeanwhile`: a deletion of the key succeeded after this request had begun. Throws what S3 answers.
 */
export function judgeWrite(conditions: WriteConditions, current: Subject | undefined, deletedMeanwhile: boolean): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch !== '*' || ifMatch !== undefined)
      throw new S3Error('NotImplemented', { fields: { Header: 'If-None-Match' } });
    if (current !== undefined) throw failed('If-None-Match');
    if (deletedMeanwhile) throw new S3Error('ConditionalRequestConflict', { fields: { Condition: 'If-None-Match' } });
  }
  if (ifMatch === undefined) return;
  if (current === undefined) throw new S3Error('NoSuchKey');
  if (!matches(ifMatch, current.etag)) throw failed('If-Match');
}

/** An ETag list as HTTP has it; S3's clients also send tags without quotes. */
function matches(list: string, etag: string): boolean {
  return list.split(',').some((one) => {
    const tag = one.trim().replace(/^W\//, '').replaceAll('"', '');
    return tag === '*' || tag === etag;
  });
}

/** Whether the object is newer than the date, at HTTP's precision; undefined when there is no readable date. */
function isAfter(subject: Subject, date: string | undefined): boolean | undefined {
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(ms) ? undefined : Math.floor(subject.lastModifiedMs / 1000) > Math.floor(ms / 1000);
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', { fields: { Condition: condition } });
}
