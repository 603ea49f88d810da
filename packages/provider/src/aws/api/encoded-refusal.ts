import { domainOf, elementText, QueryClient } from '@runctl/aws-wire';
import { RunctlError, type Clock } from '@runctl/core';
import type { EC2Client } from '@aws-sdk/client-ec2';
import * as z from 'zod';

/** EC2 hides why it refused a call in a text that only the caller's own account can read (EC2 API reference, error codes). */
const ENCODED = /\s*Encoded authorization failure message: ([\w+/=-]+)\.?/;

/** Of what STS gives for it (STS API reference, DecodeAuthorizationMessage). */
const decodedRefusal = z.object({
  explicitDeny: z.boolean().catch(false),
  matchedStatements: z.object({ items: z.array(z.object({ statementId: z.string().catch('') })) }).catch({ items: [] }),
  context: z.object({ action: z.string(), resource: z.string().catch('') }),
});

/** The decoded text; null where the account's user may not decode it, or nobody answers. */
export type DecodeRefusal = (encoded: string) => Promise<string | null>;

/**
 * The error with the encoded part of its message in words; any other comes back as it is. Where it can't be decoded, the hint
 * has the command by which somebody else can.
 */
export async function explainedRefusal(error: RunctlError, decode: DecodeRefusal): Promise<RunctlError> {
  const [whole, encoded] = ENCODED.exec(error.message) ?? [];
  if (whole === undefined || encoded === undefined) return error;
  const words = wordsOf(await decode(encoded));
  const rest = error.message.replace(whole, '');
  const command = `aws sts decode-authorization-message --encoded-message ${encoded}`;
  return new RunctlError(error.code, words === null ? rest : `${rest}; ${words}`, {
    hint:
      words === null
        ? `somebody with the right sts:DecodeAuthorizationMessage sees by which policy: \`${command}\``
        : 'a policy of the account, or of its organisation, has to allow it: show this to whoever keeps them',
    cause: error,
    details: error.details,
  });
}

function wordsOf(decoded: string | null): string | null {
  const read = decodedRefusal.safeParse(jsonOf(decoded));
  if (!read.success) return null;
  const { explicitDeny, matchedStatements, context } = read.data;
  const names = matchedStatements.items.map(({ statementId }) => statementId).filter((name) => name !== '');
  const by = names.length === 0 ? '' : ` by the statement ${names.join(', ')}`;
  const where = context.resource === '' ? '' : ` on ${context.resource}`;
  return explicitDeny
    ? `${context.action}${where} is forbidden${by} of a policy`
    : `${context.action}${where} is allowed by no policy`;
}

function jsonOf(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Asks STS with the credentials of an EC2 client. */
export function refusalDecoder(
  client: EC2Client,
  at: { readonly region: string; readonly endpoint: string | undefined; readonly clock: Pick<Clock, 'wallMs'> },
): DecodeRefusal {
  const { region, endpoint = `https://sts.${region}.${domainOf(region)}`, clock } = at;
  const sts = new QueryClient({
    service: 'sts',
    version: '2011-06-15',
    region,
    endpoint,
    clock,
    credentials: () => client.config.credentials(),
  });
  return async (encoded) => {
    const asked = sts.call({ action: 'DecodeAuthorizationMessage', parameters: { EncodedMessage: encoded } });
    const answer = await asked.catch(() => null);
    const text = answer?.status === 200 ? elementText(answer.xml, 'DecodedMessage') : null;
    return text === null ? null : unescaped(text);
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&apos;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
};

function unescaped(text: string): string {
  return text.replaceAll(/&(?:quot|apos|lt|gt|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}
