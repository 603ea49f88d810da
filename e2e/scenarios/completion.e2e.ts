import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchDetached } from '../support/launching.ts';
import { repository } from '../support/runctl.ts';
import { World } from '../support/world.ts';

const PYTHON = '/usr/bin/python3';
const terminal = fileURLToPath(new URL('../support/terminal.py', import.meta.url));

interface Shell {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Makes a bare prompt, which its own echo does not look like, and reads the completion script. */
  readonly setup: string;
}

const shells: readonly Shell[] = [
  {
    name: 'bash',
    path: '/usr/bin/bash',
    args: ['--norc', '--noprofile', '-i'],
    setup: "PS1='rea''dy> '; source <(runctl completion bash)",
  },
  {
    name: 'zsh',
    path: '/usr/bin/zsh',
    args: ['-f', '-i'],
    setup: "PROMPT='rea''dy> '; source <(runctl completion zsh)",
  },
  {
    name: 'fish',
    path: '/usr/bin/fish',
    args: ['--no-config', '-i'],
    setup: "function fish_prompt; echo -n 'rea''dy> '; end; runctl completion fish | source",
  },
];

let world: World;
let home: string;
beforeAll(async () => {
  world = await World.start();
  home = `${world.folder}/shell-home`;
  await mkdir(`${home}/bin`, { recursive: true });
  // Completion and its script are the real program's; any other command line is printed, so that what was completed can be read.
  const real = `exec '${process.execPath}' '${repository}/controller/bin/runctl.mjs' "$@"`;
  await writeFile(
    `${home}/bin/runctl`,
    `#!/bin/sh\ncase "$1" in complete | completion) ${real} ;; esac\nprintf 'TYPED:'\nprintf ' [%s]' "$@"\nprintf '\\n'\n`,
  );
  await chmod(`${home}/bin/runctl`, 0o755);
  await writeFile(`${home}/train.py`, '');
  await launchDetached(world, 'counter', { flags: ['--name', 'tidy-otter'] });
  const env = { XDG_CACHE_HOME: `${home}/cache` };
  expect(await world.runctl(['status'], { env })).toMatchObject({ exitCode: 0 });
});
afterAll(async () => world[Symbol.asyncDispose]());

/** Types a line with Tabs in it into the shell, presses Return, and gives what the program then got. */
async function typed(shell: Shell, line: string): Promise<string> {
  const env = {
    PATH: `${home}/bin:/usr/bin:/bin`,
    HOME: home,
    TERM: 'dumb',
    XDG_CACHE_HOME: `${home}/cache`,
    RUNCTL_SANDBOX_STATE: world.env['RUNCTL_SANDBOX_STATE'],
  };
  const steps = [
    // Some shells switch the terminal's modes behind the prompt.
    ['[$#%>] (\\x1b\\[[^\\n]*)?$', `cd ~; ${shell.setup}\r`],
    ['ready> [^\\n]*$', `${line}\r`],
    ['TYPED:[^\\n]*\\n', ''],
  ];
  const task = { argv: [shell.path, ...shell.args], env, steps, seconds: 30 };
  const { stdout, stderr } = await execa(PYTHON, [terminal], { input: JSON.stringify(task), reject: false });
  const found = [...stdout.matchAll(/TYPED: ([^\r\n]*)/g)].at(-1)?.[1];
  if (found === undefined) throw new Error(`${shell.name}: ${stderr}\n${stdout}`);
  return found;
}

describe.each(shells)('$name completes', (shell) => {
  test.for([
    ['a command', 'runctl lau\t', '[launch]'],
    ['a command of a group', 'runctl checkpoint pul\t', '[checkpoint] [pull]'],
    ['an option', 'runctl launch train.py --fallback-a\t5m', '[launch] [train.py] [--fallback-after] [5m]'],
    ['the value of an option', 'runctl status --output js\t', '[status] [--output] [json]'],
    ['a value behind an equals sign', 'runctl status --output=js\t', '[status] [--output=json]'],
    ['a run by its name, from the last list', 'runctl logs --sandbox tid\t', '[logs] [--sandbox] [tidy-otter]'],
    ['a file', 'runctl launch tra\t', '[launch] [train.py]'],
  ] as const)('%s', async ([, line, expected], context) => {
    if (!existsSync(shell.path)) context.skip(`${shell.path} is not installed (Debian: apt-get install ${shell.name})`);
    expect(await typed(shell, line)).toBe(expected);
  });
});
