import type { Manifest } from '@runctl/protocol';
import { partGrid, type PartSource } from '@runctl/store';

/** Finds parts by their content in a checkpoint that the store holds. */
export type EqualParts = (part: { readonly sha256: string; readonly sizeBytes: number }) => PartSource | null;

/**
 * Every full part of a manifest's files by its SHA-256, wherever in which file it lies: frozen layers stay where they are,
 * and a renamed file or one that got a longer header in front of whole parts is found as well. The short last parts are
 * left out, since S3 takes parts below 5 MiB only at the end.
 */
export function equalPartsIn(manifest: Manifest | null): EqualParts {
  const sources = new Map<string, PartSource>();
  for (const { key, sizeBytes, partSizeBytes, partSha256 } of manifest?.files ?? [])
    for (const { partNumber, start, end } of partGrid(sizeBytes, partSizeBytes).parts) {
      const sha256 = partSha256[partNumber - 1];
      if (sha256 !== undefined && end - start === partSizeBytes)
        sources.set(`${partSizeBytes} ${sha256}`, { key, start });
    }
  return ({ sha256, sizeBytes }) => sources.get(`${sizeBytes} ${sha256}`) ?? null;
}
