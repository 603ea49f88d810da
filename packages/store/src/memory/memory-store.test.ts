import { systemClock } from '@runctl/core';
import { describeObjectStore } from '../port/conformance.ts';
import { MemoryStore } from './memory-store.ts';

describeObjectStore('the memory store', async () => ({ store: new MemoryStore({ clock: systemClock }) }));
