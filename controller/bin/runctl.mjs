#!/usr/bin/env node
// Without an import, which takes longer than what it is for. Absent before Node 22.3 and 22.1; everything works, only slower.
process.getBuiltinModule?.('node:module').enableCompileCache?.();
await import('../dist/runctl.mjs');
