import type { MachineDriver, MachineSpec } from './driver.ts';
import type { Machine } from './machine.ts';

/** The part of a driver that knows which machines it has: those that run, and those that are being started. */
export function trackMachines(boot: (spec: MachineSpec) => Promise<Machine>): Pick<MachineDriver, 'start' | 'close'> {
  const running = new Set<Machine>();
  const starting = new Set<Promise<Machine>>();
  let closed = false;
  return {
    async start(spec) {
      if (closed) throw new Error('the driver is closed');
      const start = boot(spec);
      starting.add(start);
      try {
        const machine = await start;
        running.add(machine);
        void machine.ended.then(() => running.delete(machine));
        return machine;
      } finally {
        starting.delete(start);
      }
    },
    async close() {
      closed = true;
      await Promise.allSettled(starting);
      await Promise.all([...running].map((machine) => machine.kill()));
    },
  };
}
