import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { S3Error } from '../../../model/s3/errors.ts';

/** An XML element's content: text, nested elements, or the same element several times. Undefined leaves it out. */
export type XmlContent = string | number | boolean | undefined | XmlElements | readonly XmlContent[];
export interface XmlElements {
  readonly [name: string]: XmlContent;
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Renders a document with S3's namespace, or without one, as errors have none. */
export function renderXml(root: string, content: XmlElements | string, options: { namespace?: boolean } = {}): string {
  const attribute = options.namespace === false ? '' : ` xmlns="${NAMESPACE}"`;
  const inner = typeof content === 'object' ? renderElements(content) : escapeText(content);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${inner}</${root}>`;
}

function renderElements(elements: XmlElements): string {
  let text = '';
  for (const [name, content] of Object.entries(elements)) text += renderElement(name, content);
  return text;
}

function renderElement(name: string, content: XmlContent): string {
  if (content === undefined) return '';
  if (isList(content)) return content.map((one) => renderElement(name, one)).join('');
  const inner = typeof content === 'object' ? renderElements(content) : escapeText(content);
  return inner === '' ? `<${name}/>` : `<${name}>${inner}</${name}>`;
}

function isList(content: XmlContent): content is readonly XmlContent[] {
  return Array.isArray(content);
}

function escapeText(content: string | number | boolean | undefined): string {
  // Control characters are not XML 1.0 even when escaped; S3 sends them so all the same.
  return String(content ?? '').replaceAll(/[&<>"\p{Cc}\uFFFE\uFFFF]/gu, (character) => {
    const named = entities[character];
    return named ?? `&#x${character.codePointAt(0)?.toString(16)};`;
  });
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** A parsed element: text, or its children, each as a list in the order of the document. */
export interface ParsedElement {
  readonly [name: string]: readonly (ParsedElement | string)[];
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  htmlEntities: true,
  isArray: () => true,
});

/** Tags in the largest document of S3's: 10,000 parts with all checksums have 160,000. */
const MAX_TAGS = 200_000;

/** Parses a request's XML, whose root must have the given name. Throws MalformedXML. */
export function parseRequestXml(text: string, root: string): ParsedElement {
  assertXml(text);
  const element = parsed(text)[root]?.[0];
  if (element === undefined) throw new S3Error('MalformedXML');
  return typeof element === 'string' ? {} : element;
}

/**
 * Throws MalformedXML unless the text is one small enough XML document without a document type, which S3 refuses: its
 * entities could name files and grow without bound.
 */
export function assertXml(text: string): void {
  if (tagsIn(text) > MAX_TAGS || /<!DOCTYPE/i.test(text) || XMLValidator.validate(text) !== true)
    throw new S3Error('MalformedXML');
}

function tagsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) count++;
  return count;
}

function parsed(text: string): ParsedElement {
  try {
    return parser.parse(text) as ParsedElement;
  } catch {
    // The parser refuses what its validator takes: names of JavaScript's own such as `__proto__`, and too deep nesting.
    throw new S3Error('MalformedXML');
  }
}

/** The text of the first child with that name; undefined when there is none. */
export function textOf(element: ParsedElement, name: string): string | undefined {
  const child = element[name]?.[0];
  if (child === undefined) return undefined;
  return typeof child === 'string' ? child : textOf(child, '#text');
}

/** The children with that name that are elements. An element without content counts as one without children. */
export function childrenOf(element: ParsedElement, name: string): ParsedElement[] {
  return (element[name] ?? []).map((child) => (typeof child === 'string' ? {} : child));
}
