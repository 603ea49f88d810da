import type { Provider } from '../port/index.ts';
import { awsAbilities } from './abilities.ts';
import { parseFleetRef } from './capacity/fleet-ref.ts';
import { parseTarget } from './target/aws-target.ts';

/** What is known of AWS without a call, and without the SDK. */
export function awsData(region: string): Pick<Provider, 'name' | 'place' | 'can' | 'describe' | 'nameOf'> {
  return {
    name: 'aws',
    place: region,
    can: awsAbilities,
    describe: (target) => `image ${parseTarget(target).imageId}`,
    nameOf: (ref) => parseFleetRef(ref).fleetId,
  };
}
