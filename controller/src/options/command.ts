import type { CommandEvent } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import { RunctlError, isRunctlError, silentLog, type CommandMention, type Log, type Environment } from '@runctl/core';
import type { CommandContext } from './context.ts';
import type { Cloud } from '@runctl/operations';
import { jsonLine } from '../render/json-line.ts';
import { shownText } from '../render/style.ts';
import { commandWriter, type CommandWriter } from '../render/command-writer.ts';
import { exitCodeOf, renderError } from '../render/error.ts';
import type { Settings } from '../settings/schema.ts';
import { flagNames, type OptionDeclaration } from './declaration/option-declaration.ts';
import { givenSettings, option } from './declaration/option.ts';
import { cloudOptions } from './declared/cloud-options.ts';
import { outputOptions } from './declared/output-options.ts';
import { leaveWaiting } from './leave-waiting.ts';
import { stderrLog, warningLog } from './stderr-log.ts';
import { RefusedValue } from './values/value-schema.ts';
import { wrongValue } from './values/wrong-value.ts';

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

  /** Whether nothing anywhere is changed by the command: then Ctrl-C ends it at once, whatever it waits for. */
  protected get onlyAsks(): boolean {
    return false;
  }

  protected abstract run(): Promise<number>;

  /** What Ctrl-C ends the command with, and the exit code; null where that is an error like others. */
  protected lastWords(): number | null {
    return null;
  }

  get json(): boolean {
    return this.jsonFlag || this.output === 'json';
  }

  async execute(): Promise<number> {
    try {
      return await (this.onlyAsks ? this.whileAsking(this.run()) : this.run());
    } catch (error) {
      const { aborted } = this.context.interrupted;
      const ownCode = aborted ? this.lastWords() : null;
      if (ownCode !== null) return ownCode;
      const shown = aborted && isAbort(error) ? abortedError() : await this.withRegion(await worded(error));
      const { json, verbose, writeCommand: write } = this;
      this.context.stderr.write(renderError(shown, { json, verbose, colour: this.context.colour, write }));
      return exitCodeOf(shown);
    }
  }

  /** As the work, which changes nothing anywhere; Ctrl-C leaves it alone, whatever it waits for. */
  protected whileAsking<T>(work: Promise<T>): Promise<T> {
    return leaveWaiting(work, this.context.interrupted);
  }

  /** Where nothing answers, the region itself may be a slip. */
  private async withRegion(error: unknown): Promise<unknown> {
    if (this.usedRegion === null || !isRunctlError(error, 'cloud-unreachable')) return error;
    const { unknownRegion } = await import('./values/regions.ts');
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

  /** A result: the object for programs, the text for people. */
  protected printResult(event: CommandEvent, text: string): void {
    if (this.json) this.printJson(event);
    else this.print(text);
  }

  protected print(text: string): void {
    const shown = shownText(text);
    this.context.stdout.write(shown.endsWith('\n') || shown === '' ? shown : `${shown}\n`);
  }

  /** Asks once before something that costs money or can't be undone. Errors: `declined`, also where nobody can be asked. */
  protected async askFirst(
    question: string,
    words: { readonly unasked: string; readonly hint: string; readonly declined: string },
  ): Promise<void> {
    const { interactive, services, interrupted } = this.context;
    if (!interactive) throw new RunctlError('declined', words.unasked, { hint: words.hint });
    if (!(await services.ask(question, interrupted))) throw new RunctlError('declined', words.declined);
  }

  /** Asks for the value of an option that nothing gives. Errors: `config-missing` where nobody can be asked; a wrong value. */
  protected async askFor(declaration: OptionDeclaration, suggestion: string | null): Promise<string> {
    const { interactive, services, interrupted } = this.context;
    const name = flagNames(declaration).at(-1) ?? '';
    if (!interactive)
      throw new RunctlError('config-missing', `nothing names the ${declaration.help}, and nobody can be asked here`, {
        hint: `give ${name}`,
      });
    const given = (await services.askText(declaration.help, suggestion, interrupted)).trim() || (suggestion ?? '');
    const value = declaration.schema.read(given);
    if (value instanceof RefusedValue)
      throw wrongValue({ kind: 'flag', name }, declaration.schema, { given, refused: value });
    return given;
  }

  /** For people; programs find them in the result. */
  protected warn(warnings: readonly string[]): void {
    if (!this.json) for (const warning of warnings) this.note(`warning: ${warning}`);
  }

  /** Anything that is not data. */
  protected note(text: string): void {
    this.context.stderr.write(`${shownText(text)}\n`);
  }

  /** Ctrl-C while something was only watched: nothing happened to it. */
  protected noteDetached(run: string, comeBack: CommandMention): void {
    this.note(`stopped watching; ${run} is left as it is\n  come back:  ${this.writeCommand(comeBack)}`);
  }

  protected get log(): Log {
    if (this.verbose) return stderrLog((line) => this.note(line));
    // A program gets one object on stderr, and only for an error.
    return this.json ? silentLog : warningLog((line) => this.note(line));
  }

  /** Lets `use` work with the cloud that the command line means, and lets go of it however that ends. */
  protected async withCloud<T>(use: (connected: Connected) => Promise<T>, wanted: CloudWanted = {}): Promise<T> {
    const environment = wanted.environment ?? (await this.environment());
    const settings = await this.settingsIn(environment, wanted);
    this.usedRegion = settings.region ?? null;
    const named = wanted.bucketMayBeMissing === true ? { ...settings, bucket: settings.bucket ?? NO_BUCKET } : settings;
    const cloud = await this.context.services.connect(named, environment, this.log);
    try {
      return await use({ settings, cloud });
    } finally {
      cloud.close();
    }
  }

  /** The same for a command about one run: its id, a beginning of it, or its name. Errors: those of `resolveRun` too. */
  protected withRun<T>(text: string, use: (connected: Connected & { readonly run: string }) => Promise<T>): Promise<T> {
    return this.withCloud(async (connected) => {
      const { resolveRun } = await import('@runctl/operations/run');
      return use({ ...connected, run: await this.whileAsking(resolveRun(connected.cloud.store, text)) });
    });
  }

  /** What files, variables and flags say, without a connection. */
  protected async settings(): Promise<Settings> {
    return this.settingsIn(await this.environment(), {});
  }

  private async settingsIn(environment: Environment, wanted: CloudWanted): Promise<Settings> {
    const { loadSettings, settingsWithoutAccount } = await import('../settings/load.ts');
    const { cwd, home } = this.context;
    const { instead, near } = wanted;
    const isOwnCloud = wanted.environment !== undefined;
    const given: Partial<Settings> = { ...givenSettings(this), ...instead };
    const flags = isOwnCloud ? settingsWithoutAccount(given) : given;
    return loadSettings({ flags, environment, file: this.config, near: near ?? cwd, cwd, home });
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

/** Stands for a bucket that no setting names, where none is used. */
const NO_BUCKET = 'no-bucket-is-named';

export interface Connected {
  readonly settings: Settings;
  readonly cloud: Cloud;
}

/** Which cloud, where it is not the one that files, variables and flags name. */
interface CloudWanted {
  /** Replaces what they say. */
  readonly instead?: Partial<Settings>;
  /** Folder from which .runctl.toml is looked for upwards; default: the working folder. */
  readonly near?: string;
  /** The bucket may not exist, nor be named: nothing is asked of it. */
  readonly bucketMayBeMissing?: boolean;
  /** That of a cloud of its own, on which flags that name an account have no meaning. */
  readonly environment?: Environment;
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
