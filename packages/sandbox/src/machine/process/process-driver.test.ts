import { describeMachineDriver } from '../conformance.ts';
import { createProcessDriver } from './process-driver.ts';

const minuteMs = 1000;
describeMachineDriver({
  name: 'process',
  minuteMs,
  create: ({ stopLimitMs }) => createProcessDriver({ minuteMs, stopLimitMs }),
});
