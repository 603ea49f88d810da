import { messageOf, silentLog, type Log } from '@runctl/core';

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

/** A log for people who did not ask for more: only what they should know, in words. */
export function warningLog(write: (line: string) => void): Log {
  const warn = (_fields: Readonly<Record<string, unknown>>, message: string): void => write(message);
  const log: Log = { ...silentLog, warn, error: warn, child: () => log };
  return log;
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(messageOf(value));
  return typeof value === 'string' && !/\s/.test(value) ? value : (JSON.stringify(value) ?? String(value));
}
