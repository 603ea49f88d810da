import { commandSummaries } from './command-index/command-summaries.ts';
import { overview } from './render/help.ts';
import { completionScript, shells } from './completion/shells.ts';
import { VERSION } from './cli/version.ts';

const argv = process.argv.slice(2);

/** What needs no command's code is answered without loading any. */
function quickAnswer(): string | null {
  const [first] = argv;
  if (argv.length === 1 && (first === '--version' || first === '-V')) return `${VERSION}\n`;
  if (argv.length === 1 && (first === '--help' || first === '-h' || first === 'help'))
    return overview(commandSummaries, VERSION);
  const shell = argv.length === 2 && first === 'completion' ? shells.find((each) => each === argv[1]) : undefined;
  if (shell !== undefined) return completionScript(shell);
  return null;
}

/** Past `process.stdout` and without an import of `node:fs`: either loads more than all of this does. */
function writeQuickly(text: string): void {
  const { writeSync } = process.getBuiltinModule('node:fs');
  const bytes = Buffer.from(text);
  let sent = 0;
  try {
    while (sent < bytes.length) sent += writeSync(1, bytes, sent);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Whoever reads it may have stopped reading, or may be slow.
    if (code === 'EAGAIN') process.stdout.write(bytes.subarray(sent));
    else if (code !== 'EPIPE') throw error;
  }
}

const quick = quickAnswer();
if (quick !== null) writeQuickly(quick);
else {
  const { runProcess } = await import('./cli/process.ts');
  await runProcess(argv);
}
