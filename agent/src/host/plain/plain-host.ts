import type { Host, HostIdentity } from '../host.ts';
import { type CallSystem, callSystem, isSystemStopping } from '../system-commands.ts';
import { plainIdentity, type SystemFacts } from './identity.ts';

/**
 * A machine that somebody else owns and keeps: nobody announces that it is taken, nothing starts another one in its place,
 * and a launch that has ended leaves it on. Everything here succeeds at once.
 */
export function createPlainHost(facts: SystemFacts, call: CallSystem = callSystem): Host {
  const identity: HostIdentity = plainIdentity(facts);
  return {
    kind: 'plain',
    identity: () => Promise.resolve(identity),
    watch: () => ({
      look: () => Promise.resolve(),
      run: () => Promise.resolve(),
      outlive: () => Promise.resolve(null),
    }),
    successors: {
      doing: 'letting nothing follow this machine',
      trouble: 'something may follow this machine',
      capacityIn: () => null,
      mayEnd: () => Promise.resolve({ granted: true }),
      end: () => Promise.resolve(),
    },
    power: {
      doing: 'leaving the machine on: it is not of this launch',
      off: () => Promise.resolve('left-on'),
      cancelPlanned: () => Promise.resolve(),
      isGoingDown: () => isSystemStopping(call),
    },
  };
}
