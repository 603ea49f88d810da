import type { Imds, ImdsAnswer } from '@runctl/aws-wire';
import { EPOCH_MS, type Process } from '../process.ts';

/** What a machine's metadata shows at a moment. */
export interface Metadata {
  readonly machineId: string;
  /** Null: tags are not shown. */
  readonly fleetId: string | null;
  /** The notice as it is shown, as long as it is. */
  readonly instanceAction: string | null;
  readonly rebalance: string | null;
}

/** IMDS of a simulated machine. `fails` decides for each call whether it goes unanswered. */
export function simulatedImds(process: Process, metadata: () => Metadata, fails: () => boolean): Imds {
  const shown = (path: string): string | null => {
    const { machineId, fleetId, instanceAction, rebalance } = metadata();
    switch (path) {
      case 'dynamic/instance-identity/document':
        return JSON.stringify({ instanceId: machineId, instanceType: 'g5.xlarge', availabilityZone: 'us-east-1a' });
      case 'meta-data/instance-life-cycle':
        return 'spot';
      case 'meta-data/tags/instance/aws:ec2:fleet-id':
        return fleetId;
      case 'meta-data/spot/instance-action':
        return instanceAction;
      case 'meta-data/events/recommendations/rebalance':
        return rebalance;
      default:
        return null;
    }
  };
  return {
    get: (path) =>
      process.onDisk((): ImdsAnswer => {
        if (fails()) throw new Error('IMDS did not answer');
        const body = shown(path);
        // HTTP dates have whole seconds.
        const dateMs = Math.floor((EPOCH_MS + process.timeline.nowMs) / 1000) * 1000;
        return { status: body === null ? 404 : 200, body: body ?? '', dateMs };
      }),
    close: () => {},
  };
}
