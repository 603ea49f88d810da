/**
 * Orders keys as S3 lists them: by their UTF-8 bytes. That is the order of UTF-16 code units, except that surrogates
 * (characters beyond U+FFFF) come after U+E000–U+FFFF.
 */
export function listingOrder(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** A sorted set of keys, for listing. Positions are only valid until the next change. */
export class KeyIndex {
  readonly #keys: string[] = [];
  /** Order is only kept once somebody asked for it, so that loading many keys sorts them once. */
  #sorted = false;

  get size(): number {
    return this.#keys.length;
  }

  at(position: number): string | undefined {
    this.#sort();
    return this.#keys[position];
  }

  /** The key must be new. */
  add(key: string): void {
    const last = this.#keys.at(-1);
    if (!this.#sorted || last === undefined || listingOrder(last, key) < 0) return void this.#keys.push(key);
    const position = this.#seek((other) => listingOrder(other, key) >= 0);
    this.#keys.splice(position, 0, key);
  }

  remove(key: string): void {
    this.#sort();
    const position = this.seek(key);
    if (this.#keys[position] === key) this.#keys.splice(position, 1);
  }

  /** Position of the first key that is not before `key`. */
  seek(key: string): number {
    this.#sort();
    return this.#seek((other) => listingOrder(other, key) >= 0);
  }

  /** Position of the first key after all those that begin with `prefix`. */
  seekPast(prefix: string): number {
    this.#sort();
    return this.#seek((other) => !other.startsWith(prefix) && listingOrder(other, prefix) > 0);
  }

  #seek(reached: (key: string) => boolean): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (reached(this.#keys[middle] as string)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #sort(): void {
    if (!this.#sorted) this.#keys.sort(listingOrder);
    this.#sorted = true;
  }
}
