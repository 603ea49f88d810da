import { isStoreError, type PutCondition, StoreError } from '../port/object-store.ts';

export function conditionHeaders(when: PutCondition | undefined): Record<string, string> {
  if (when === undefined) return {};
  return 'absent' in when ? { 'if-none-match': '*' } : { 'if-match': `"${when.etag}"` };
}

/** S3 answers 404 where `If-Match` meets no object at all: the expected version is not there. */
export function asPrecondition(when: PutCondition | undefined): (error: unknown) => never {
  return (error) => {
    if (isStoreError(error, 'missing') && error.code !== 'NoSuchUpload' && when !== undefined && 'etag' in when) {
      const { status, code, key } = error;
      throw new StoreError('precondition', `${key} is not there any more`, { status, code, key, cause: error });
    }
    throw error;
  };
}
