import type { Power } from '../host.ts';
import { type CallSystem, callSystem, isSystemStopping } from '../system-commands.ts';

/** Ends the instance by an ordinary shutdown: its launch template says that this terminates it. */
export function instancePower(call: CallSystem = callSystem): Power {
  return {
    doing: 'powering the machine off',
    async off() {
      const { code } = await call('shutdown', ['-h', 'now']);
      if (code !== 0) throw new Error(`shutdown -h now ended with ${code}`);
      return 'off';
    },
    async cancelPlanned() {
      await call('shutdown', ['-c']).catch(() => {});
    },
    isGoingDown: () => isSystemStopping(call),
  };
}
