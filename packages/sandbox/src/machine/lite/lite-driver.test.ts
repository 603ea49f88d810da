import { describeMachineDriver } from '../conformance.ts';
import { createLiteDriver } from './lite-driver.ts';

const minuteMs = 1000;
describeMachineDriver({
  name: 'lite',
  minuteMs,
  create: ({ stopLimitMs }) => createLiteDriver({ endpointPort: 4566, minuteMs, stopLimitMs }),
});
