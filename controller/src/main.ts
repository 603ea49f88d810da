import { commandIndex } from './command-index/command-index.ts';
import { overview } from './render/help.ts';
import { completionScript, shells } from './completion/shells.ts';
import { VERSION } from './cli/version.ts';

const argv = process.argv.slice(2);

/** What needs no command's code is answered without loading any. */
function quickAnswer(): string | null {
  const [first] = argv;
  if (argv.length === 1 && (first === '--version' || first === '-V')) return `${VERSION}\n`;
  if (argv.length === 1 && (first === '--help' || first === '-h' || first === 'help'))
    return overview(commandIndex, VERSION);
  const shell = argv.length === 2 && first === 'completion' ? shells.find((each) => each === argv[1]) : undefined;
  if (shell !== undefined) return completionScript(shell);
  return null;
}

const quick = quickAnswer();
if (quick !== null) process.stdout.write(quick);
else {
  const { runProcess } = await import('./cli/process.ts');
  await runProcess(argv);
}
