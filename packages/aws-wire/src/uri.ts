/** RFC 3986 encoding of a whole value, as signatures want it: `encodeURIComponent` leaves `!'()*` alone. */
export function encodeUriStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Encodes each segment of a path once and keeps its slashes. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeUriStrictly).join('/');
}

/** Gives a query as it is sent, with its `?`, in the order and encoding in which it is signed; '' for an empty one. */
export function queryString(query: Readonly<Record<string, string>>): string {
  const pairs = queryPairs(query);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** `name=value`, encoded and sorted by the names' encoded form. */
export function queryPairs(query: Readonly<Record<string, string>>): string[] {
  return Object.entries(query)
    .map(([name, value]) => [encodeUriStrictly(name), encodeUriStrictly(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
}
