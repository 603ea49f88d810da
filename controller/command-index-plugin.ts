import type { Plugin } from 'esbuild';
import { dirname } from 'node:path';
import { detailsModule, indexModule } from './src/command-index/generated.ts';
import { readCommands } from './src/command-index/read-commands.ts';

/** Puts what the folders hold in the place of the two modules that read `commands/` at their start. */
export function commandIndexPlugin(folders: readonly string[]): Plugin {
  return {
    name: 'command-index',
    setup: async (build) => {
      const read = await readCommands(folders);
      const written = { 'command-index': indexModule(read), 'command-details': detailsModule(read) };
      build.onLoad({ filter: /command-index\/command-(index|details)\.ts$/ }, ({ path }) => ({
        contents: written[path.endsWith('command-index.ts') ? 'command-index' : 'command-details'],
        resolveDir: dirname(path),
        loader: 'js',
      }));
    },
  };
}
