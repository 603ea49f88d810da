// `node bundle-with.ts OUT FOLDER`: the program with the commands of one more folder. The benchmarks ask for it.
import { bundle, ownCommands } from './bundle.ts';

const [outdir, folder] = process.argv.slice(2);
if (outdir === undefined || folder === undefined) throw new Error('usage: node bundle-with.ts OUT FOLDER');
await bundle(outdir, [...ownCommands, folder]);
