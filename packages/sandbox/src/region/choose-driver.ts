import { RunctlError } from '@runctl/core';
import type { MachineDriver, SandboxLevel } from '../machine/driver.ts';

export type LevelChoice = SandboxLevel | 'auto';

/** A level that was tried and cannot run here. */
export interface RefusedLevel {
  readonly level: SandboxLevel;
  readonly reason: string;
}

/**
 * The first of `drivers` (the most real one first) that runs here and may be taken unasked, or the one that is asked for.
 * Errors: `usage` when that cannot run, with the reason.
 */
export async function chooseDriver(
  drivers: readonly MachineDriver[],
  choice: LevelChoice,
): Promise<{ readonly driver: MachineDriver; readonly refused: readonly RefusedLevel[] }> {
  const refused: RefusedLevel[] = [];
  for (const driver of drivers) {
    if (choice === 'auto' ? driver.onlyByName === true : driver.level !== choice) continue;
    const probed = await driver.probe();
    if (probed.ok) return { driver, refused };
    refused.push({ level: driver.level, reason: probed.reason });
  }
  const reasons = refused.map(({ level, reason }) => `${level}: ${reason}`).join('; ');
  throw new RunctlError('usage', `the sandbox cannot run at level ${choice} (${reasons || 'there is no such level'})`, {
    hint: 'leave out --level to take the best one that runs here',
  });
}
