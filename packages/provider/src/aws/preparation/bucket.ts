import { RunctlError } from '@runctl/core';
import { ServiceRefusal } from '../api/account-services.ts';
import type { BucketAdministration } from '../api/bucket-administration.ts';
import { abortsUnfinishedUploads, withAbortRule, withoutAbortRule } from '../examination/lifecycle.ts';
import { MADE_BY, NOT_OURS, changed, isTaggedOurs, type Resource } from './resource.ts';
import { policyNamesOf, type RoleRights } from './rights.ts';

const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const PRIVATE =
  `<PublicAccessBlockConfiguration ${NAMESPACE}><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>` +
  '<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>';
const ENCRYPTED =
  `<ServerSideEncryptionConfiguration ${NAMESPACE}><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>` +
  '</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>';
const TAGS = `<Tagging ${NAMESPACE}><TagSet><Tag><Key>${MADE_BY.key}</Key><Value>${MADE_BY.value}</Value></Tag></TagSet></Tagging>`;

interface BucketPlace {
  readonly bucket: string;
  readonly region: string;
  readonly prefix: string;
}

/** A bucket that nobody else can read. One that is there already is taken as it is. */
export function bucketResource(
  administration: BucketAdministration,
  { bucket, region, rights }: BucketPlace & { readonly rights: Pick<RoleRights, 'others'> },
): Resource {
  const kind = 'bucket';
  const shared = { kind, name: bucket };
  return {
    kind,
    look: async () => {
      const location = await locationOf(administration, bucket);
      if (location === null) return { ...shared, state: 'missing', ours: false, note: 'private and encrypted' };
      if (location !== region) throw elsewhere(bucket, location, region);
      const ours = isTaggedOurs((await administration.read('tagging')) ?? '');
      const isClosed = isPrivate(await administration.read('publicAccessBlock'));
      if (ours && !isClosed)
        return { ...shared, state: 'differs', ours, note: 'public access is not blocked any more' };
      return {
        ...shared,
        state: 'there',
        ours,
        note: isClosed ? null : 'its public access is not blocked, and stays as it is',
      };
    },
    make: async ({ state }) => {
      if (state === 'missing') {
        await administration.create();
        // First of all: whoever is interrupted after it finds the bucket as ours, and open, and goes on.
        await administration.write('tagging', TAGS);
        await administration.write('encryption', ENCRYPTED);
      }
      await administration.write('publicAccessBlock', PRIVATE);
      return changed(shared, state === 'missing' ? 'made' : 'changed');
    },
    remove: async ({ ours }) => {
      if (!ours) return changed(shared, 'kept', NOT_OURS);
      if ((await rights.others()).some((name) => name.startsWith(policyNamesOf({ region, bucket }))))
        return changed(shared, 'kept', 'another prefix of it was made ready, too');
      try {
        await administration.remove();
        return changed(shared, 'removed');
      } catch (error) {
        if (error instanceof ServiceRefusal && error.name === 'BucketNotEmpty')
          return changed(shared, 'kept', 'it is not empty: what is in it is yours to delete');
        throw error;
      }
    },
  };
}

/** The rule that ends uploads which nobody ends; added beside whatever rules there are. */
export function abortRuleResource(administration: BucketAdministration, { bucket, prefix }: BucketPlace): Resource {
  const kind = 'rule of the bucket';
  const shared = { kind, name: 'abort unfinished uploads' };
  return {
    kind,
    look: async () => {
      if ((await locationOf(administration, bucket)) === null)
        return { ...shared, state: 'missing', ours: false, note: null };
      const lifecycle = await administration.read('lifecycle');
      const ours = withoutAbortRule(lifecycle) !== lifecycle;
      if (abortsUnfinishedUploads(lifecycle, prefix)) return { ...shared, state: 'there', ours, note: null };
      return { ...shared, state: 'missing', ours, note: 'no other rule is touched' };
    },
    make: async () => {
      const rules = withAbortRule(withoutAbortRule(await administration.read('lifecycle')));
      try {
        await administration.write('lifecycle', rules);
        return changed(shared, 'made');
      } catch (error) {
        if (!(error instanceof ServiceRefusal) || error.name !== 'InvalidRequest') throw error;
        const note = `S3 does not take it beside the rules that the bucket has: ${error.message} Add one by hand`;
        return changed(shared, 'kept', note);
      }
    },
    remove: async ({ ours }) => {
      if (!ours) return changed(shared, 'kept', NOT_OURS);
      if (isTaggedOurs((await administration.read('tagging')) ?? ''))
        return changed(shared, 'kept', 'it goes with its bucket');
      const rest = withoutAbortRule(await administration.read('lifecycle'));
      if (rest === null) await administration.clear('lifecycle');
      else await administration.write('lifecycle', rest);
      return changed(shared, 'removed');
    },
  };
}

async function locationOf(administration: BucketAdministration, bucket: string): Promise<string | null> {
  try {
    return await administration.location();
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.name !== 'AccessDenied') throw error;
    throw new RunctlError(
      'config-invalid',
      `the bucket ${bucket} is of another account, or these credentials may not ask where it is`,
      {
        hint: 'names of buckets are unique over all accounts: choose another with --bucket',
        cause: error,
      },
    );
  }
}

function elsewhere(bucket: string, location: string, region: string): RunctlError {
  return new RunctlError('config-invalid', `the bucket ${bucket} is in ${location}, and the region is ${region}`, {
    hint: `machines and bucket belong into one region: --region ${location}, or another --bucket`,
  });
}

function isPrivate(publicAccessBlock: string | null): boolean {
  return (publicAccessBlock?.match(/>true</g) ?? []).length >= 4;
}
