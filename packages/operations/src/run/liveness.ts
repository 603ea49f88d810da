import type { MachineView } from '@runctl/protocol/events';
import type { CloudInstance } from '@runctl/provider';

/** A machine that runs or is about to. */
export function isLiving(instance: Pick<CloudInstance, 'state'>): boolean {
  return instance.state === 'pending' || instance.state === 'running';
}

/** A fleet that still makes machines, by its state. */
export function isActive(state: string | null): boolean {
  return state === 'active' || state === 'submitted' || state === 'modifying';
}

/** A machine without what only its provider's own tools need. */
export function machineViewOf(instance: CloudInstance): MachineView {
  const view: MachineView & { fleetId?: unknown } = { ...instance };
  delete view.fleetId;
  return view;
}
