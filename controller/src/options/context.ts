import type { BaseContext } from 'clipanion';
import type { Clock, Environment, Log } from '@runctl/core';
import type { Cloud } from '@runctl/operations';
import type { ToolFinder } from '@runctl/operations/launch';
import type { Dial, Tunnel } from '@runctl/operations/live';
import type { SandboxControl } from '@runctl/operations/sandbox';
import type { CommandIndex } from '../catalog/command-entry.ts';
import type { Settings } from '../settings/schema.ts';

/** What reaches AWS and the machine; built in main.ts, replaced by models in tests. */
export interface CommandServices {
  /** Connects to the cloud of these settings. `environment` has the SDK's variables: credentials, endpoints, profile. */
  connect(settings: Settings, environment: Environment, log: Log): Promise<Cloud>;
  readonly sandbox: SandboxControl;
  readonly tools: ToolFinder;
  /** Connects to an agent's websocket. */
  readonly dial: Dial;
  /** Tunnels to instances over SSH, as this user there. */
  sshTunnel(user: string): Tunnel;
  /** Runs a program with this terminal, and resolves with its exit code. */
  foreground(
    command: string,
    args: readonly string[],
    options: { readonly cwd: string; readonly env: Environment },
  ): Promise<number>;
  /** Where a program is on the PATH; null when it is nowhere. */
  findProgram(name: string): Promise<string | null>;
  /** Asks a yes-or-no question on the terminal; only called when there is one. */
  ask(question: string, signal: AbortSignal): Promise<boolean>;
  /** Asks for a line of text on the terminal, which may be empty; only called when there is one. */
  askText(question: string, suggestion: string | null, signal: AbortSignal): Promise<string>;
}

/** All that a command may touch besides its options. */
export interface CommandContext extends BaseContext {
  readonly version: string;
  /** The words of the command line behind `--`; null without one. */
  readonly behindDashes?: readonly string[] | null;
  /** All commands, for what names them. */
  readonly commands: CommandIndex;
  readonly cwd: string;
  readonly pid: number;
  readonly home: string;
  /** What can be made again at any time lies here. */
  readonly cacheFolder: string;
  /** What this computer alone knows, and no machine can write, lies here. */
  readonly stateFolder: string;
  /** `user@host`, for documents that say who did something. */
  readonly user: string;
  readonly clock: Clock;
  readonly services: CommandServices;
  /** Aborts at Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Hands the next two Ctrl-C to the listener, counted from 1, until they are given back; a third ends the command all the same. */
  takeInterrupts(listener: (press: number) => void): () => void;
  /** A person sits at a terminal and can be asked. */
  readonly interactive: boolean;
  /** Standard output is a terminal that wants colour. */
  readonly colour: boolean;
  /** Made when it is first asked for, removed when the process ends; what killed processes left of theirs goes with that. */
  temporaryFolder(): Promise<string>;
}
