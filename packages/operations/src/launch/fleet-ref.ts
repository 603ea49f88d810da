import type { LaunchMachines } from '@runctl/protocol';
import * as z from 'zod';

const reference = z.object({ fleetId: z.string(), launchTemplateId: z.string() });

/** How EC2 knows the machines of a launch. */
export function fleetRef(machines: Pick<LaunchMachines, 'ref'>): z.output<typeof reference> {
  return reference.parse(machines.ref);
}
