/** How many days an unfinished upload may be old before the bucket's rule aborts it: more than any file's takes. */
const ABORT_AFTER_DAYS = 3;
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

const OWN_ID = '<ID>runctl-abort-unfinished-uploads</ID>';
const OWN_ACTION = `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${ABORT_AFTER_DAYS}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`;

/** S3 takes no rule with a filter beside one with a bare prefix, the older form (its error: "Filter element can only be used in Lifecycle V2."). */
function ownRule(others: readonly string[]): string {
  const isOldForm = others.length > 0 && others.every((rule) => !/<Filter[\s/>]/.test(rule));
  const everywhere = isOldForm ? '<Prefix></Prefix>' : '<Filter><Prefix></Prefix></Filter>';
  return `<Rule>${OWN_ID}${everywhere}<Status>Enabled</Status>${OWN_ACTION}</Rule>`;
}

/** Whether an enabled rule aborts unfinished uploads everywhere in the bucket, or at least below the prefix. */
export function abortsUnfinishedUploads(lifecycle: string | null, prefix: string): boolean {
  return rulesOf(lifecycle ?? '').some((rule) => {
    const enabled = /<Status>\s*Enabled\s*<\/Status>/.test(rule);
    return enabled && /<AbortIncompleteMultipartUpload[\s>]/.test(rule) && covers(rule, prefix);
  });
}

/** The same configuration with our rule before its end: no other rule is read or written anew. */
export function withAbortRule(lifecycle: string | null): string {
  const end = '</LifecycleConfiguration>';
  const at = lifecycle?.lastIndexOf(end) ?? -1;
  if (lifecycle === null || at < 0) return `<LifecycleConfiguration xmlns="${NAMESPACE}">${ownRule([])}${end}`;
  return lifecycle.slice(0, at) + ownRule(rulesOf(lifecycle)) + lifecycle.slice(at);
}

/** The configuration without the rule that `withAbortRule` adds; null where no rule is left, as where there was none. */
export function withoutAbortRule(lifecycle: string | null): string | null {
  if (lifecycle === null) return null;
  const rest = lifecycle.replaceAll(/<Rule>(?:(?!<\/Rule>)[^])*<\/Rule>\s*/g, (rule) =>
    rule.includes(OWN_ID) ? '' : rule,
  );
  return rulesOf(rest).length === 0 ? null : rest;
}

function rulesOf(xml: string): readonly string[] {
  return [...xml.matchAll(/<Rule>([^]*?)<\/Rule>/g)].map(([, rule = '']) => rule);
}

/** A rule with a filter on tags or sizes never covers uploads that have neither yet. */
function covers(rule: string, prefix: string): boolean {
  if (/<(Tag|And|ObjectSizeGreaterThan|ObjectSizeLessThan)>/.test(rule)) return false;
  const own = /<Prefix>([^<]*)<\/Prefix>/.exec(rule)?.[1] ?? '';
  return prefix.startsWith(unescaped(own));
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}
