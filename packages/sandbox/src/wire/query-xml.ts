/** A value that can be written as XML: absent values are left out, lists become `<item>`s, dates become ISO 8601. */
export type XmlValue =
  string | number | boolean | Date | null | undefined | readonly XmlValue[] | { readonly [name: string]: XmlValue };

function escape(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll('\r', '&#13;')
      // Control characters have no place in XML 1.0.
      // oxlint-disable-next-line no-control-regex -- they are what is looked for
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, '')
  );
}

/** One element. A list puts its members into `<item>` children, as EC2 does. */
export function element(name: string, value: XmlValue): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) {
    const members = value as readonly XmlValue[];
    return `<${name}>${members.map((member) => element('item', member)).join('')}</${name}>`;
  }
  if (value instanceof Date) return `<${name}>${value.toISOString()}</${name}>`;
  if (typeof value === 'object')
    return `<${name}>${elementsOf(value as { readonly [name: string]: XmlValue })}</${name}>`;
  return `<${name}>${escape(String(value))}</${name}>`;
}

export function elementsOf(value: { readonly [name: string]: XmlValue }): string {
  return Object.entries(value)
    .map(([name, child]) => element(name, child))
    .join('');
}

/** As `elementsOf`, but a list becomes one element for each member, as IAM's `<member>`s are. */
export function repeatedElements(value: { readonly [name: string]: XmlValue }): string {
  return Object.entries(value)
    .flatMap(([name, child]) =>
      (Array.isArray(child) ? (child as readonly XmlValue[]) : [child]).map((each) => [name, each] as const),
    )
    .map(([name, child]) => {
      if (typeof child !== 'object' || child === null || child instanceof Date) return element(name, child);
      return `<${name}>${repeatedElements(child as { readonly [name: string]: XmlValue })}</${name}>`;
    })
    .join('');
}

export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
