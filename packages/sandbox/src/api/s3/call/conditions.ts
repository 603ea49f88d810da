import type { ReadConditions, WriteConditions } from '../../../model/s3/preconditions.ts';
import type { CallHeaders } from './call.ts';

/** The conditions of a read; with a prefix, those on what a copy is taken from. */
export function readConditionsOf(headers: CallHeaders, prefix = ''): ReadConditions {
  return {
    ifMatch: headers[`${prefix}if-match`],
    ifNoneMatch: headers[`${prefix}if-none-match`],
    ifModifiedSince: headers[`${prefix}if-modified-since`],
    ifUnmodifiedSince: headers[`${prefix}if-unmodified-since`],
  };
}

export function writeConditionsOf(headers: CallHeaders): WriteConditions {
  return { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] };
}
