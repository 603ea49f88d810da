import { stripVTControlCharacters } from 'node:util';

/** A longer line is cut here: no progress is told that far behind its beginning. */
const LONGEST_LINE = 64 * 1024;

/**
 * Splits what a script writes into the lines that a person would see: `\r` ends a line as `\n` does (progress bars write
 * over themselves), colours, window titles and backspaces are dropped, empty lines too. UTF-8 characters may be split
 * between two pieces. Lines are cut at 64 Ki characters.
 */
export class OutputLines {
  readonly #decoder = new TextDecoder();
  #unfinished = '';

  /** The lines that these bytes complete, in order. */
  push(bytes: Uint8Array): readonly string[] {
    const parts = this.#decoder.decode(bytes, { stream: true }).split(/[\r\n]/);
    parts[0] = this.#unfinished + (parts[0] ?? '');
    this.#unfinished = (parts.pop() ?? '').slice(0, LONGEST_LINE);
    return parts
      .map((part) => stripVTControlCharacters(part.slice(0, LONGEST_LINE)).replaceAll('\b', ''))
      .filter((line) => line.trim() !== '');
  }
}
