import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { commandEvent, errorEvent } from '@runctl/protocol/events';
import type { z } from 'zod';

/** The table of docs/events.md: each type with the commands that print it. */
export function documentedEvents(): ReadonlyMap<string, readonly string[]> {
  const page = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `([\w-]+)` *\|[^|]*\|([^|]*)\|$/gm);
  const quoted = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
  return new Map([...rows].map(([, type = '', commands = '']) => [type, quoted(commands)]));
}

/** Throws unless each line of `--json` output fits its event's schema exactly, and docs/events.md names the command for it. */
export function checkJsonOutput(argv: readonly string[], output: { stdout: string; stderr: string }): void {
  const end = argv.indexOf('--');
  const own = (end === -1 ? argv : argv.slice(0, end)).join(' ');
  if (!/ --json\b| --output[ =]json\b/.test(own)) return;
  for (const line of linesOf(output.stderr)) if (line.startsWith('{')) check(errorEvent, line);
  for (const line of linesOf(output.stdout)) {
    check(commandEvent, line);
    const { type } = commandEvent.parse(JSON.parse(line));
    if (
      !documentedEvents()
        .get(type)
        ?.some((command) => own.startsWith(command))
    )
      throw new Error(`docs/events.md does not say that this command prints ${type}: ${own}`);
  }
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function check(schema: z.ZodType, line: string): void {
  const value: unknown = JSON.parse(line);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`no event of packages/protocol/src/events: ${line}\n${parsed.error.message}`);
  if (!isDeepStrictEqual(parsed.data, value))
    throw new Error(`its schema has other fields: ${line}\n${JSON.stringify(parsed.data)}`);
}
