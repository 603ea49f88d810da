import { describeMachineDriver } from '../conformance.ts';
import { createLiteDriver } from './lite-driver.ts';

const minuteMs = 300;
describeMachineDriver({
  name: 'lite',
  minuteMs,
  create: () => createLiteDriver({ endpointPort: 4566, minuteMs, stopLimitMs: 1500 }),
});
