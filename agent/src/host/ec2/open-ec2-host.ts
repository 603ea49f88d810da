import { createImds, domainOf, endpointOf, IMDS_ADDRESS } from '@runctl/aws-wire';
import { createFleetEnder } from './fleet-ender.ts';
import { credentialsOf, fixedCredentials, instanceCredentials } from '@runctl/store';
import type { HostOpener, HostSurroundings, OpenedHost } from '../opened-host.ts';
import { createEc2Host } from './ec2-host.ts';
import { instancePower } from './power.ts';

export const ec2Opener: HostOpener = { kind: 'ec2', open };

/** This instance, reached where the SDK's environment variables point; its role is its proof unless they hold keys. */
function open({ clock, environment, region }: HostSurroundings): OpenedHost {
  const metadataEndpoint = environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || IMDS_ADDRESS;
  const given = credentialsOf(environment);
  const credentials =
    given === null ? instanceCredentials({ clock, endpoint: metadataEndpoint }) : fixedCredentials(given);
  const fleetEnder = createFleetEnder({
    region,
    endpoint: endpointOf('EC2', environment) ?? `https://ec2.${region}.${domainOf(region)}`,
    credentials: () => credentials(),
    clock,
  });
  const imds = createImds({ endpoint: metadataEndpoint, clock });
  return { host: createEc2Host({ imds, fleetEnder, power: instancePower() }), credentials };
}
