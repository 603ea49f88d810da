import type { CommandEvent, FollowEvent, LaunchEvent } from '@runctl/protocol/events';
import { command, formatDuration, type Clock } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import type { Writable } from 'node:stream';
import { exitCodeOfOutcome, type UnheardCost } from '@runctl/operations/run';
import type { CommandWriter } from './command-writer.ts';
import { jsonLine } from './json-line.ts';
import { followLine } from './follow-text.ts';
import { logBanner } from './log.ts';
import { unheardText } from './unheard.ts';
import { endText } from './status.ts';
import { shownText, styles } from './style.ts';

/** Shows a run to whoever watches: provisioning and news on stderr, the script's own output on stdout. */
export interface FollowView {
  show(event: FollowEvent | LaunchEvent): void;
  /** The last words when the run ended, and its exit code. */
  ended(run: string, outcome: LaunchOutcome | null): number;
  /**
   * The last words when only the watching ended, and the exit code. `unheard`: what it may cost, where no agent has spoken yet
   * and nobody watches for that any more.
   */
  detached(run: string, why: 'asked' | 'interrupted', unheard: UnheardCost | null): number;
}

export interface FollowViewOptions {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly colour: boolean;
  readonly json: boolean;
  readonly clock: Clock;
  /** Words the commands that it names. */
  readonly write: CommandWriter;
}

export function createFollowView(options: FollowViewOptions): FollowView {
  return options.json ? jsonView(options) : humanView(options);
}

function humanView(options: FollowViewOptions): FollowView {
  const { stdout, stderr, clock, write } = options;
  const style = styles(options.colour);
  const startedMs = clock.monotonicMs();
  let midLine = false;
  const say = (text: string): void => {
    if (midLine) stdout.write('\n');
    midLine = false;
    stderr.write(
      `${style.dim(`[${formatDuration(clock.monotonicMs() - startedMs).padStart(6)}]`)} ${shownText(text)}\n`,
    );
  };
  return {
    show: (event) => {
      if (event.type === 'log-bytes') {
        stdout.write(event.bytes);
        midLine = event.bytes.at(-1) !== 10;
        return;
      }
      if (event.type === 'attempt') say(style.bold(logBanner(event)));
      const line = followLine(event, style);
      if (line !== null) say(line);
    },
    ended: (run, outcome) => {
      if (outcome === null) {
        say(
          `${style.yellow('ended')} nobody wrote how, and no more machines will come; ${write(command('resume', run))} goes on`,
        );
        return 21;
      }
      say(outcomeLine(outcome, style));
      if (outcome.status === 'stopped') stderr.write(`go on with: ${write(command('resume', run))}\n`);
      if (outcome.status === 'failed')
        stderr.write(`what happened: ${write(command('events', run))}, ${write(command('logs', run))}\n`);
      return exitCodeOfOutcome(outcome);
    },
    detached: (run, why, unheard) => {
      if (midLine) stdout.write('\n');
      stderr.write(
        `${why === 'asked' ? `${run} is launched` : `stopped watching; ${run} goes on`}\n` +
          (unheard === null
            ? ''
            : `${style.yellow(`  no agent has spoken yet, and nobody watches for it now: ${unheardText(unheard)}`)}\n`) +
          `  come back:  ${write(command('attach', run))}\n  look:       ${write(command('status', run))}\n  end it:     ${write(command('stop', run))}\n`,
      );
      return why === 'asked' ? 0 : 130;
    },
  };
}

function outcomeLine(outcome: LaunchOutcome, style: ReturnType<typeof styles>): string {
  const durable = outcome.durableStep === null ? '' : `, durable step ${outcome.durableStep}`;
  return `${endText(outcome.status, style)} ${outcome.message}${durable}`;
}

function jsonView(options: FollowViewOptions): FollowView {
  const { stdout } = options;
  const decoders = new Map<string, InstanceType<typeof TextDecoder>>();
  const print = (event: CommandEvent): void => void stdout.write(jsonLine(event));
  return {
    show: (event) => {
      if (event.type !== 'log-bytes') return print(event);
      // A character may be cut in two between chunks, so every life has its own decoder.
      const life = `${event.generation}/${event.node}`;
      const decoder = decoders.get(life) ?? new TextDecoder();
      decoders.set(life, decoder);
      const text = decoder.decode(event.bytes, { stream: true });
      const { bytes: _bytes, ...rest } = event;
      print({ ...rest, type: 'log', sizeBytes: event.bytes.length, text });
    },
    ended: (run, outcome) => {
      const exitCode = outcome === null ? 21 : exitCodeOfOutcome(outcome);
      print({ type: 'ended', run, status: outcome?.status ?? null, exitCode });
      return exitCode;
    },
    detached: (run, why, unheard) => {
      const exitCode = why === 'asked' ? 0 : 130;
      print({ type: 'detached', run, exitCode, unheard });
      return exitCode;
    },
  };
}
