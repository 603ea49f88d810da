import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Two projects: `unit` runs in parallel beside the sources; `e2e` drives the built bundles, two files at a time: most of their time is waiting. */
export default defineConfig({
  root,
  test: {
    reporters: ['default', fileURLToPath(new URL('./closing-line-reporter.ts', import.meta.url))],
    projects: [
      {
        test: {
          name: 'unit',
          root,
          setupFiles: ['.dev/property-seed.ts'],
          include: [
            'packages/*/src/**/*.test.ts',
            'agent/src/**/*.test.ts',
            'controller/src/**/*.test.ts',
            'e2e/simulation/**/*.test.ts',
            '.dev/**/*.test.ts',
          ],
          // The default leaves a core free, which is half of them on two.
          maxWorkers: '100%',
          // Ends what hangs; no test is meant to come near it, on no machine.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Its ESM build imports a folder, which Node refuses.
          server: { deps: { inline: ['clipanion'] } },
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          include: ['e2e/scenarios/**/*.e2e.ts'],
          maxWorkers: 2,
          // Each is a cloud with machines: more of them on two cores, and runs end before they could be broken.
          maxConcurrency: 3,
          testTimeout: 240_000,
          // Real machines on two shared cores: what fails once is tried again, and is named with its error before the closing line.
          retry: 1,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
