import { XMLParser } from 'fast-xml-parser';

export type XmlNode = { readonly [name: string]: XmlNode[] | string };

// Everything is text and every element a list, so that one key in a listing reads as a thousand do. Entities are decoded
// here: the parser's own decoding counts them against a limit that a page of quoted etags exceeds.
const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  removeNSPrefix: true,
  alwaysCreateTextNode: true,
  isArray: () => true,
});

const NAMED_ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The document's root element by name, or null where the text is no XML. */
export function parseXmlAnswer(text: string): { readonly name: string; readonly root: XmlNode } | null {
  try {
    const document = parser.parse(text) as XmlNode;
    for (const [name, value] of Object.entries(document)) {
      if (Array.isArray(value) && value[0] !== undefined) return { name, root: value[0] };
    }
    return null;
  } catch {
    return null;
  }
}

/** The elements of this name, in document order. */
export function xmlElements(node: XmlNode, name: string): readonly XmlNode[] {
  const value = node[name];
  return Array.isArray(value) ? value : [];
}

/** The text of the first element of this name, entities decoded; null where there is none. */
export function xmlText(node: XmlNode, name: string): string | null {
  const child = xmlElements(node, name)[0];
  if (child === undefined) return null;
  const text = child['#text'];
  return decodeEntities(typeof text === 'string' ? text : '');
}

function decodeEntities(text: string): string {
  return text.replace(/&(#\d+|#x[0-9a-fA-F]+|\w+);/g, (whole: string, name: string) => {
    if (name.startsWith('#x')) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)));
    return NAMED_ENTITIES[name] ?? whole;
  });
}

export function escapeXml(text: string): string {
  return text.replace(
    /[&<>"'\r\n\t]/g,
    (character) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' })[character] ??
      `&#${character.charCodeAt(0)};`,
  );
}
