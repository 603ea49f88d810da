#!/usr/bin/env node
import module from 'node:module';

// Absent before Node 22.1; without it everything works, only slower.
module.enableCompileCache?.();
await import('../dist/runctl.mjs');
