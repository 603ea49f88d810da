import type { MachineSpec } from './driver.ts';
import { markerVariables } from './instance-marker.ts';

/** The environment of everything in an instance with name spaces of its own, whose endpoints answer on this port of its loopback. */
export function instanceEnvironment(spec: MachineSpec, endpointPort: number): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    AWS_REGION: spec.region,
    AWS_DEFAULT_REGION: spec.region,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${endpointPort}`,
    ...spec.environment,
    ...markerVariables(spec.instanceId),
  };
}
