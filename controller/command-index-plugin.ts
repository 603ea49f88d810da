import type { Plugin } from 'esbuild';
import { basename, dirname } from 'node:path';
import { detailsModule, indexModule, summariesModule } from './src/command-index/generated.ts';
import { readCommands } from './src/command-index/read-commands.ts';

/** Puts what the folders hold in the place of the modules that read `commands/` at their start. */
export function commandIndexPlugin(folders: readonly string[]): Plugin {
  const reading = readCommands(folders);
  return {
    name: 'command-index',
    setup: async (build) => {
      const read = await reading;
      const written: Readonly<Record<string, string>> = {
        'command-index.ts': indexModule(read),
        'command-details.ts': detailsModule(read),
        'command-summaries.ts': summariesModule(read),
      };
      build.onLoad({ filter: /command-index\/command-(index|details|summaries)\.ts$/ }, ({ path }) => ({
        contents: written[basename(path)] ?? '',
        resolveDir: dirname(path),
        loader: 'js',
      }));
    },
  };
}
