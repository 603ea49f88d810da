// `npm run build`: both bundles, only if something changed.
import { ensureReady } from './setup.mjs';

await ensureReady();
