import { required } from '@runctl/core';
import type { CuttableServer } from './cuttable-server.ts';
import { listenInside } from './namespace-listeners.ts';

export interface InstanceServers {
  readonly imds: CuttableServer;
  readonly endpoints: CuttableServer;
}

const METADATA = { host: '169.254.169.254', port: 80 } as const;

/** Serves metadata and, on this port of its loopback, the region's endpoints in the network name space of process `pid`. */
export async function serveInside(pid: number, servers: InstanceServers, endpointPort: number): Promise<void> {
  const local = { host: '127.0.0.1', port: endpointPort };
  const [metadata, endpoints] = await listenInside(pid, [METADATA, local]);
  await servers.imds.listen(required(metadata, 'the listener of the metadata'));
  await servers.endpoints.listen(required(endpoints, 'the listener of the endpoints'));
}
