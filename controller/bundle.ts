import { requiredHttp } from '@runctl/testkit/build';
import { build, type Metafile, type Plugin } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { commandIndexPlugin } from './command-index-plugin.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Folders whose files are the commands of runctl. */
export const ownCommands: readonly string[] = [`${folder}src/commands`];

/**
 * Writes the program with the commands of these folders into `outdir`: `runctl.mjs` with the chunks that it loads when needed.
 * What needs no command's code is one module of its own, since a start is mostly the loading of modules.
 */
export async function bundle(outdir: string, commandFolders: readonly string[] = ownCommands): Promise<Metafile> {
  const commandIndex = commandIndexPlugin(commandFolders);
  const rest = await build({
    ...common,
    entryPoints: { process: `${folder}src/cli/process.ts` },
    outdir,
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    // Dependencies that are CommonJS inside still call require.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    plugins: [requiredHttp, commandIndex],
  });
  const start = await build({
    ...common,
    entryPoints: { runctl: `${folder}src/main.ts` },
    outdir,
    plugins: [commandIndex, besideIt],
  });
  return {
    inputs: { ...rest.metafile.inputs, ...start.metafile.inputs },
    outputs: { ...rest.metafile.outputs, ...start.metafile.outputs },
  };
}

/** The rest of the program stands beside the start, and is imported when it is needed. */
const besideIt: Plugin = {
  name: 'beside-it',
  setup: (build) => {
    build.onResolve({ filter: /cli\/process\.ts$/ }, () => ({ path: './process.mjs', external: true }));
  },
};

const common = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} as const;
