import type { CommandEvent, ShownLogEvent } from '@runctl/protocol/events';
import type { Writable } from 'node:stream';
import { jsonLine } from './json-line.ts';
import { lifeEventBanner, logBanner } from './log.ts';
import { shownText, styles } from './style.ts';

/** Prints a log: the script's bytes as they are, with banners; or one object for each line. */
export interface LogView {
  show(event: ShownLogEvent): void;
  /** Prints what is left of a last line that never ended. */
  end(): void;
}

export function createLogView(options: { stdout: Writable; json: boolean; colour: boolean }): LogView {
  return options.json ? linesView(options.stdout) : bytesView(options.stdout, options.colour);
}

function bytesView(stdout: Writable, colour: boolean): LogView {
  const style = styles(colour);
  let midLine = false;
  const own = (text: string): void => {
    stdout.write(`${midLine ? '\n' : ''}${shownText(text)}\n`);
    midLine = false;
  };
  return {
    show: (event) => {
      if (event.type === 'attempt') own(style.dim(logBanner(event)));
      else if (event.type === 'life-event') own(style.dim(lifeEventBanner(event.attempt, event.event)));
      else if (event.type === 'log-gap')
        own(style.red(`── ${event.to - event.from} bytes of the log are missing here ──`));
      else {
        stdout.write(event.bytes);
        midLine = event.bytes.at(-1) !== 10;
      }
    },
    end: () => {
      if (midLine) stdout.write('\n');
    },
  };
}

interface OpenLine {
  readonly attempt: number;
  readonly generation: number;
  readonly node: number;
  readonly offset: number;
  readonly pieces: Uint8Array[];
}

function linesView(stdout: Writable): LogView {
  let attempt = 0;
  let open: OpenLine | null = null;
  const print = (event: CommandEvent): void => void stdout.write(jsonLine(event));
  const flush = (): void => {
    if (open === null) return;
    const { pieces, ...place } = open;
    print({
      type: 'line',
      ...place,
      text: Buffer.concat(pieces)
        .toString('utf8')
        .replace(/\r?\n$/, ''),
    });
    open = null;
  };
  return {
    show: (event) => {
      if (event.type === 'attempt') {
        flush();
        attempt = event.attempt;
        return print(event);
      }
      if (event.type === 'life-event') {
        flush();
        return print(event);
      }
      if (event.type === 'log-gap') {
        flush();
        return print({ ...event, attempt });
      }
      const { generation, node, bytes } = event;
      for (let from = 0; from < bytes.length;) {
        const newline = bytes.indexOf(10, from);
        const to = newline === -1 ? bytes.length : newline + 1;
        open ??= { attempt, generation, node, offset: event.offset + from, pieces: [] };
        open.pieces.push(bytes.subarray(from, to));
        if (newline !== -1) flush();
        from = to;
      }
    },
    end: flush,
  };
}
