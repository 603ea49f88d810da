import { describeMachineDriver } from '../conformance.ts';
import { createProcessDriver } from './process-driver.ts';

const minuteMs = 300;
describeMachineDriver({
  name: 'process',
  minuteMs,
  create: () => createProcessDriver({ minuteMs, stopLimitMs: 1500 }),
});
