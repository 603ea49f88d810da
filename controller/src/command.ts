import { Command, Option } from 'clipanion';
import { RunctlError, messageOf, silentLog, type Log } from '@runctl/core';
import type { CommandContext, Environment } from './context.ts';
import type { Cloud } from './operations/cloud.ts';
import { exitCodeOf, renderError } from './render/error.ts';
import type { LiveFeed } from './operations/live/open-live.ts';
import type { FollowView } from './render/follow.ts';
import type { Settings, SettingsInput } from './settings/schema.ts';

/**
 * What all commands share: global options, and errors that a person or a program can act on. `run` returns the exit code;
 * whatever it throws is printed once, on stderr.
 */
export abstract class RunctlCommand extends Command<CommandContext> {
  config = Option.String('-c,--config', {
    description: 'read the configuration from this file instead of looking for .runctl.toml',
  });
  verbose = Option.Boolean('-v,--verbose', false, { description: 'say more, with stack traces of internal errors' });
  jsonFlag = Option.Boolean('--json', false, { description: 'print one JSON object a line' });
  output = Option.String('--output', { description: 'json = the same as --json, text = for people (default)' });
  useSandbox = Option.Boolean('--sandbox', false, {
    description: 'use the embedded local cloud instead of AWS; it is started if need be',
  });
  state = Option.String('--state', {
    description: 'folder of the local cloud (default: RUNCTL_SANDBOX_STATE, or in ~/.local/state)',
  });

  protected abstract run(): Promise<number>;

  get json(): boolean {
    return this.jsonFlag || this.output === 'json';
  }

  async execute(): Promise<number> {
    try {
      if (this.output !== undefined && this.output !== 'json' && this.output !== 'text')
        throw new RunctlError('usage', `--output takes json or text, not ${this.output}`);
      return await this.run();
    } catch (error) {
      const shown = this.context.interrupted.aborted && isAbort(error) ? abortedError() : error;
      this.context.stderr.write(
        renderError(shown, { json: this.json, verbose: this.verbose, colour: this.context.colour }),
      );
      return exitCodeOf(shown);
    }
  }

  /** Data, for programs: one compact line. */
  protected printJson(value: unknown): void {
    this.context.stdout.write(`${JSON.stringify(value)}\n`);
  }

  protected print(text: string): void {
    this.context.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
  }

  /** Anything that is not data. */
  protected note(text: string): void {
    this.context.stderr.write(`${text}\n`);
  }

  protected get log(): Log {
    return this.verbose ? stderrLog((line) => this.note(line)) : silentLog;
  }

  /** Settings of files, environment and `flags`, and the cloud they name. `near` is where the search for .runctl.toml starts. */
  protected async connect(flags: SettingsInput = {}, near: string = this.context.cwd): Promise<Connected> {
    const environment = await this.environment();
    const { loadSettings } = await import('./settings/load.ts');
    const settings = await loadSettings({
      flags,
      environment,
      file: this.config,
      near,
      cwd: this.context.cwd,
      home: this.context.home,
    });
    return { settings, environment, cloud: await this.context.services.connect(settings, environment, this.log) };
  }

  /** The process's environment, with the sandbox's on top when one is asked for. */
  async environment(): Promise<Environment> {
    if (!this.useSandbox) return this.context.env;
    const folder = await this.sandboxFolder();
    const region = await this.context.services.sandbox.ensure({ folder, environment: this.context.env }, (text) =>
      this.note(text),
    );
    return { ...this.context.env, ...region.environment };
  }

  protected async sandboxFolder(): Promise<string> {
    const { sandboxStateFolder } = await import('./operations/sandbox/state-folder.ts');
    return sandboxStateFolder({
      flag: this.state,
      environment: this.context.env,
      home: this.context.home,
      cwd: this.context.cwd,
    });
  }
}

/** A command that shows a run until it ends or Ctrl-C detaches. */
export abstract class FollowingCommand extends RunctlCommand {
  protected async followView(): Promise<FollowView> {
    const { createFollowView } = await import('./render/follow.ts');
    const { stdout, stderr, colour, clock } = this.context;
    return createFollowView({ stdout, stderr, colour, clock, json: this.json, sandbox: this.useSandbox });
  }

  /** Shows the run until it ends; the exit code says how. Ctrl-C only ends the watching. */
  protected async follow(
    view: FollowView,
    options: {
      cloud: Cloud;
      run: string;
      launch?: number;
      onDemandAfterMs?: number | null;
      withLog?: boolean;
      live?: LiveFeed;
    },
  ): Promise<number> {
    const { followRun } = await import('./operations/follow/follow-run.ts');
    const { interrupted: signal, clock } = this.context;
    try {
      const following = followRun({ withLog: true, ...options, clock, signal });
      let step = await following.next();
      for (; step.done !== true; step = await following.next()) view.show(step.value);
      return view.ended(options.run, step.value);
    } catch (error) {
      if (!signal.aborted) throw error;
      return view.detached(options.run, 'interrupted');
    }
  }
}

export interface Connected {
  readonly settings: Settings;
  readonly environment: Environment;
  readonly cloud: Cloud;
}

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'AbortError' || (error as { kind?: unknown }).kind === 'aborted' || error.message === 'interrupted'
  );
}

function abortedError(): RunctlError {
  return new RunctlError('aborted', 'interrupted with Ctrl-C');
}

function stderrLog(write: (line: string) => void, bindings: Readonly<Record<string, unknown>> = {}): Log {
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
