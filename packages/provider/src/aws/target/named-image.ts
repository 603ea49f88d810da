import { RunctlError } from '@runctl/core';
import { needsOlderDriver, type TypeFacts } from '../offers/type-facts.ts';

/** What tells for which machines an image was made. */
interface ImageFacts {
  readonly imageId: string;
  /** As EC2 names it; null where it does not say. */
  readonly processor: string | null;
  /** All texts about it: its name, its description, the parameter that it came from. */
  readonly texts: readonly string[];
}

/**
 * Refuses an image that can't serve the types: made for another processor, or, by the name that AWS gives its Deep Learning
 * images, for another accelerator. An image of one's own says nothing of accelerators, and is taken. Errors: `config-invalid`.
 */
export function refuseUnsuitable(image: ImageFacts, types: readonly TypeFacts[]): void {
  const { imageId, processor } = image;
  const other = types.find((type) => processor !== null && type.processor !== processor);
  if (other !== undefined)
    throw new RunctlError(
      'config-invalid',
      `the image ${imageId} is for ${processor}, the instance types are ${other.processor}`,
      { hint: `name an image for ${other.processor} with --ami, or none for the default image` },
    );
  const made = acceleratorOf(image);
  const unserved = types.find(({ accelerator }) => !serves(made, accelerator));
  if (unserved === undefined) return;
  throw new RunctlError(
    'config-invalid',
    `the image ${imageId} is made for ${made?.words}, and ${unserved.machineType} has ${unserved.accelerator.name}`,
    { hint: 'name an image for that accelerator with --ami, or none for the default image' },
  );
}

interface MadeFor {
  readonly kind: 'neuron' | 'nvidia';
  readonly openDriver: boolean;
  readonly words: string;
}

/** Names of AWS's images and of their parameters (DLAMI release notes; Neuron documentation); null for any other image. */
function acceleratorOf({ texts }: ImageFacts): MadeFor | null {
  const text = texts.filter((part) => /deep ?learning|\/neuron\//i.test(part)).join(' ');
  if (/neuron/i.test(text)) return { kind: 'neuron', openDriver: false, words: 'Inferentia and Trainium' };
  if (!/nvidia|gpu|cuda/i.test(text)) return null;
  const openDriver = /oss[ -]nvidia/i.test(text);
  return { kind: 'nvidia', openDriver, words: openDriver ? 'NVIDIA GPUs from Turing on' : 'NVIDIA GPUs' };
}

function serves(made: MadeFor | null, accelerator: TypeFacts['accelerator']): boolean {
  if (made === null || accelerator.kind === 'none') return true;
  return made.kind === accelerator.kind && !(made.openDriver && needsOlderDriver(accelerator));
}
