import type { CommandEvent } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import {
  RunctlError,
  isRunctlError,
  messageOf,
  silentLog,
  type CommandMention,
  type Log,
  type Environment,
} from '@runctl/core';
import type { CommandContext } from './context.ts';
import type { Cloud } from '@runctl/operations';
import { jsonLine } from '../render/json-line.ts';
import { commandWriter, type CommandWriter } from '../render/command-writer.ts';
import { exitCodeOf, renderError } from '../render/error.ts';
import type { Settings } from '../settings/schema.ts';
import { option, optionFields, type OptionsClass } from './declaration/option.ts';
import { cloudOptions } from './declared/cloud-options.ts';
import { outputOptions } from './declared/output-options.ts';

/**
 * What all commands share: global options, and errors that a person or a program can act on. `run` returns the exit code;
 * whatever it throws is printed once, on stderr.
 */
export abstract class RunctlCommand extends Command<CommandContext> {
  config = option(outputOptions.config);
  verbose = option(outputOptions.verbose);
  jsonFlag = option(outputOptions.json);
  output = option(outputOptions.output);
  useSandbox = option(cloudOptions.sandbox);
  state = option(cloudOptions.state);
  bucket = option(cloudOptions.bucket);
  prefix = option(cloudOptions.prefix);
  region = option(cloudOptions.region);
  profile = option(cloudOptions.profile);

  /** Region of the settings, once they are known. */
  private usedRegion: string | null = null;

  protected abstract run(): Promise<number>;

  get json(): boolean {
    return this.jsonFlag || this.output === 'json';
  }

  async execute(): Promise<number> {
    try {
      return await this.run();
    } catch (error) {
      const shown =
        this.context.interrupted.aborted && isAbort(error)
          ? abortedError()
          : await this.withRegion(await worded(error));
      const { json, verbose, writeCommand: write } = this;
      this.context.stderr.write(renderError(shown, { json, verbose, colour: this.context.colour, write }));
      return exitCodeOf(shown);
    }
  }

  /** Where nothing answers, the region itself may be a slip. */
  private async withRegion(error: unknown): Promise<unknown> {
    if (this.usedRegion === null || !isRunctlError(error, 'cloud-unreachable')) return error;
    const { unknownRegion } = await import('../settings/regions.ts');
    return unknownRegion(this.usedRegion, error) ?? error;
  }

  /** Words commands that a text names so that they ask the same cloud as this one. */
  protected get writeCommand(): CommandWriter {
    const { config, useSandbox: sandbox, state, bucket, prefix, region, profile } = this;
    return commandWriter({ config, sandbox, state, bucket, prefix, region, profile });
  }

  /** Data, for programs: one compact line. */
  protected printJson(event: CommandEvent): void {
    this.context.stdout.write(jsonLine(event));
  }

  protected print(text: string): void {
    this.context.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
  }

  /** Anything that is not data. */
  protected note(text: string): void {
    this.context.stderr.write(`${text}\n`);
  }

  /** Ctrl-C while something was only watched: nothing happened to it. */
  protected noteDetached(run: string, comeBack: CommandMention): void {
    this.note(`stopped watching; ${run} is left as it is\n  come back:  ${this.writeCommand(comeBack)}`);
  }

  protected get log(): Log {
    return this.verbose ? stderrLog((line) => this.note(line)) : silentLog;
  }

  /**
   * Settings of files, environment and the command line, and the cloud they name. `instead` replaces what they say; `near` is
   * where the search for .runctl.toml starts.
   */
  protected async connect(instead: Partial<Settings> = {}, near: string = this.context.cwd): Promise<Connected> {
    const { loadSettings } = await import('../settings/load.ts');
    const environment = await this.environment();
    const settings = await loadSettings({
      flags: { ...this.settingFlags(), ...instead },
      environment,
      file: this.config,
      near,
      cwd: this.context.cwd,
      home: this.context.home,
    });
    this.usedRegion = settings.region ?? null;
    return { settings, environment, cloud: await this.context.services.connect(settings, environment, this.log) };
  }

  /** The process's environment, with the sandbox's on top when one is asked for. */
  async environment(): Promise<Environment> {
    if (!this.useSandbox) return this.context.env;
    const folder = await this.sandboxFolder();
    const region = await this.context.services.sandbox.ensure({ folder, environment: this.context.env }, (text) =>
      this.note(text),
    );
    const { inSandbox } = await import('@runctl/operations/sandbox');
    return inSandbox(this.context.env, region);
  }

  /** The settings that the command line gives. */
  protected settingFlags(): Partial<Settings> {
    const fields = optionFields(this.constructor as OptionsClass).map(
      ([field, { key }]) => [key, this[field as keyof this]] as const,
    );
    return Object.fromEntries(fields.filter(([key, value]) => key !== undefined && value !== undefined));
  }

  protected async sandboxFolder(): Promise<string> {
    const { sandboxStateFolder } = await import('@runctl/operations/sandbox');
    return sandboxStateFolder({
      flag: this.state,
      environment: this.context.env,
      home: this.context.home,
      cwd: this.context.cwd,
    });
  }
}

export interface Connected {
  readonly settings: Settings;
  readonly environment: Environment;
  readonly cloud: Cloud;
}

/** Words a store's refusal for a person; gives anything else back as it is. Recognises it by name, so that help loads no store. */
async function worded(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || error.name !== 'StoreError') return error;
  return (await import('@runctl/operations')).storeProblem(error);
}

/** Also when an adapter gave the abort words of its own: it keeps what it caught as the cause. */
function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'AbortError' ||
    (error as { kind?: unknown }).kind === 'aborted' ||
    error.message === 'interrupted' ||
    isAbort(error.cause)
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
