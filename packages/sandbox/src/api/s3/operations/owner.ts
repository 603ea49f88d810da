import type { XmlElements } from '../call/xml.ts';

/** The one account of the region, as S3 names an owner: a canonical user id. */
export function ownerOf(): XmlElements {
  return { ID: '75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a', DisplayName: 'runctl-sandbox' };
}
