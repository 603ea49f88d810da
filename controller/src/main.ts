import { commandIndex } from './command-index/command-index.ts';
import { overview } from './render/help.ts';
import { completionScript } from './render/completion.ts';
import { VERSION } from './cli/version.ts';

const argv = process.argv.slice(2);

/** What needs no command's code is answered without loading any. */
function quickAnswer(): string | null {
  const [first] = argv;
  if (argv.length === 1 && (first === '--version' || first === '-V')) return `${VERSION}\n`;
  if (argv.length === 1 && (first === '--help' || first === '-h' || first === 'help'))
    return overview(commandIndex, VERSION);
  if (argv.length === 2 && first === 'completion') return completionScript(argv[1] ?? '', commandIndex.commands);
  return null;
}

const quick = quickAnswer();
if (quick !== null) process.stdout.write(quick);
else {
  const { runProcess } = await import('./cli/process.ts');
  await runProcess(argv);
}
