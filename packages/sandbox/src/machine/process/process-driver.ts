import type { MachineDriver } from '../driver.ts';
export type { ExecResult, Machine } from '../machine.ts';
import { trackMachines } from '../tracked-machines.ts';
import { ProcessMachine, type ProcessSettings } from './process-machine.ts';
import { findPython } from './python.ts';

export interface ProcessDriverOptions extends Partial<ProcessSettings> {
  /** Search path for a Python besides the system's own. */
  readonly path?: string;
}

/** Instances that are folders with marked processes: for anyone, anywhere a POSIX shell is. */
export function createProcessDriver(options: ProcessDriverOptions = {}): MachineDriver {
  let python: Promise<string | null> | null = null;
  return {
    level: 'process',
    notReal: [
      'instances are processes of this computer: they see its files, its network and its other processes',
      'an instance is a folder; what user data writes to absolute paths outside RUNCTL_INSTANCE_ROOT lands on this computer',
      'everything in an instance runs as you: there is no root, no ubuntu user, and sudo changes nothing',
      'there is no 169.254.169.254: each instance has a metadata address of its own on loopback',
      'there is no systemd, no package manager, no mount and no docker inside; a reboot starts nothing again',
      'processors, memory, clock and GPUs are those of this computer, whatever instance type was asked for',
    ],
    probe: async () => ({ ok: true }),
    ...trackMachines(async (spec) => {
      python ??= options.python === undefined ? findPython(options.path ?? '') : Promise.resolve(options.python);
      const settings = { stopLimitMs: 90_000, minuteMs: 60_000, ...options, python: await python };
      return ProcessMachine.start(spec, settings);
    }),
  };
}
