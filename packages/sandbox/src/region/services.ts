import type { Service } from '../api/context.ts';
import type { Compute } from '../model/compute.ts';

/** Every service of the region but S3, by the name in a signature's scope. */
export function servicesOf(_compute: Compute): ReadonlyMap<string, Service> {
  return new Map();
}
