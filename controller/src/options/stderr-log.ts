import { messageOf, type Log } from '@runctl/core';

/** A log for people who asked for more: one line an entry. */
export function stderrLog(write: (line: string) => void, bindings: Readonly<Record<string, unknown>> = {}): Log {
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    const all = Object.entries({ ...bindings, ...fields }).map(([key, value]) => `${key}=${shown(value)}`);
    write(`${level} ${message} ${all.join(' ')}`.trimEnd());
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => stderrLog(write, { ...bindings, ...more }),
  };
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(messageOf(value));
  return typeof value === 'string' && !/\s/.test(value) ? value : (JSON.stringify(value) ?? String(value));
}
