/** Reads of one open file. Returns fewer bytes only at the file's end. */
export interface FileBytes {
  readonly sizeBytes: number;
  read(start: number, length: number): Promise<Buffer>;
}

/** `whole` and `torn` are proven by the file's own format; `unknown` formats tell nothing. */
export interface StructureFinding {
  readonly verdict: 'whole' | 'torn' | 'unknown';
  readonly evidence: string;
}

export const whole = (evidence: string): StructureFinding => ({ verdict: 'whole', evidence });
export const torn = (evidence: string): StructureFinding => ({ verdict: 'torn', evidence });
export const unknown = (evidence: string): StructureFinding => ({ verdict: 'unknown', evidence });
