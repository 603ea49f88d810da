import { RunctlError } from '@runctl/core';
import type { Market } from '@runctl/protocol';
import type { OfferWish } from '../../port/index.ts';
import type { TypeFacts } from './type-facts.ts';

type Architecture = 'x64' | 'arm64';

/** How the two are called to people. */
const WORDS: Readonly<Record<Architecture, string>> = { x64: 'x86-64', arm64: 'ARM' };
const EXAMPLES: Readonly<Record<Architecture, string>> = {
  x64: 'name an x86-64 type, such as g5.xlarge or m7i.large',
  arm64: 'name an ARM type, such as g5g.xlarge or m7g.large',
};

/**
 * The architecture that all types have: one launch has one image and one runtime. Errors: `pool-invalid` for types of both, of
 * another one than is wanted, or of none that Linux runs on.
 */
export function commonArchitecture(types: readonly TypeFacts[], wanted: OfferWish['architecture']): Architecture {
  const known = types.map((type) => ({ machineType: type.machineType, architecture: architectureOf(type) }));
  const first = known[0]?.architecture ?? 'x64';
  const architecture = wanted ?? first;
  const other = known.find((type) => type.architecture !== architecture);
  if (other === undefined) return architecture;
  const { machineType } = other;
  if (wanted !== null)
    throw new RunctlError(
      'pool-invalid',
      `${machineType} is an ${WORDS[other.architecture]} machine, and ${WORDS[wanted]} is asked for`,
      { hint: EXAMPLES[wanted] },
    );
  throw new RunctlError(
    'pool-invalid',
    `${known[0]?.machineType} is an ${WORDS[first]} machine and ${machineType} an ${WORDS[other.architecture]} one: one launch has one image and one runtime`,
    { hint: 'launch with types of one architecture' },
  );
}

function architectureOf({ machineType, processor, processors }: TypeFacts): Architecture {
  if (processor !== null) return processor === 'arm64' ? 'arm64' : 'x64';
  throw new RunctlError(
    'pool-invalid',
    `${machineType} runs no 64-bit Linux (its processor is ${processors.join(', ')})`,
    {
      hint: EXAMPLES.x64,
    },
  );
}

/** Errors: `pool-invalid` for a type that is not sold in the market, with what it is sold as. */
export function refuseOtherMarket(types: readonly TypeFacts[], market: Market): void {
  const other = types.find(({ usageClasses }) => !usageClasses.includes(market));
  if (other === undefined) return;
  const { machineType, usageClasses } = other;
  const sold = market === 'spot' ? 'as spot' : 'on demand';
  if (market === 'spot' && usageClasses.includes('on-demand'))
    throw new RunctlError('pool-invalid', `EC2 does not sell ${machineType} as spot, only on demand`, {
      hint: 'add --on-demand, or name another type',
    });
  if (usageClasses.includes('capacity-block'))
    throw new RunctlError(
      'pool-invalid',
      `EC2 sells ${machineType} in capacity blocks, and not ${sold}; runctl rents no capacity blocks`,
      { hint: 'name another type' },
    );
  throw new RunctlError('pool-invalid', `EC2 does not sell ${machineType} ${sold}`, { hint: 'name another type' });
}
