import type { CloudInstance } from '@runctl/provider';

/** A machine that runs or is about to. */
export function isLiving(instance: CloudInstance): boolean {
  return instance.state === 'pending' || instance.state === 'running';
}

/** A fleet that still makes machines, by its state. */
export function isActive(state: string | null): boolean {
  return state === 'active' || state === 'submitted' || state === 'modifying';
}
