#!/usr/bin/env node
// Read by every Node from 18 on, so it says nothing that an old one does not know. Without an import where Node is new enough:
// that takes longer than what it is for. `newEnough` is as in .dev/setup.mjs.
const [major, minor] = process.versions.node.split('.').map(Number);
const newEnough = major > 22 || (major === 22 && minor >= 22);
if (newEnough) {
  process.getBuiltinModule('node:module').enableCompileCache();
  await import('../dist/runctl.mjs');
} else {
  const { runOnBundledNode } = await import('./bundled-node.mjs');
  runOnBundledNode(new URL('runctl.mjs', import.meta.url));
}
