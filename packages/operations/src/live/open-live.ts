import type { RentedMachine } from '@runctl/provider';
import type { AgentFrame, AttemptStatus } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import type { AgentLink, Dial } from './agent-link.ts';
import { askAgent, findEndpoint, type AskOptions, type LiveAnswer } from './ask-agent.ts';

const DIAL_TIMEOUT_MS = 1000;
const GREETING_TIMEOUT_MS = 3000;

/** Makes a port of the machine reachable here; null when it can't. */
export type Tunnel = (
  machine: RentedMachine,
  port: number,
) => Promise<{ readonly host: string; readonly port: number; close(): void } | null>;

/** Frames of an agent that have arrived and were not taken yet. */
export interface LiveFeed {
  readonly machineId: string;
  readonly via: 'websocket' | 'ssh' | 'shell';
  take(): readonly AgentFrame[];
  /** Resolves when frames have arrived. */
  arrived(): Promise<void>;
  close(): void;
}

export interface ReachOptions extends AskOptions {
  readonly dial: Dial;
  /** Null: the machine is dialled directly. */
  readonly tunnel: Tunnel | null;
}

/**
 * Connects to the agent of a run: over its websocket, else it is asked once through the shell facet of the provider, and the
 * log comes from the bucket. Errors: `agent-unreachable`.
 */
export async function openLive(cloud: Cloud, options: ReachOptions): Promise<LiveFeed> {
  const reached = await reach(cloud, options);
  if (reached !== null) return feedOf(reached);
  const { machineId, status } = await askAgent(cloud, options);
  const frames: AgentFrame[] = [{ type: 'status', status }];
  return {
    machineId,
    via: 'shell',
    take: () => frames.splice(0),
    arrived: () => new Promise(() => {}),
    close: () => {},
  };
}

/** Asks the agent of a run for its state: over its websocket, else through a shell. Errors: `agent-unreachable`. */
export async function askLive(cloud: Cloud, options: ReachOptions): Promise<LiveAnswer> {
  const reached = await reach(cloud, options);
  if (reached === null) return askAgent(cloud, options);
  const late = options.clock.sleep(GREETING_TIMEOUT_MS, options.signal).then(() => null);
  try {
    const status = await Promise.race([firstStatus(reached.link), late]);
    if (status === null) return await askAgent(cloud, options);
    return { machineId: reached.machineId, via: reached.via, status };
  } finally {
    late.catch(() => {}); // Ctrl-C after the answer
    reached.close();
  }
}

/** The agent greets with its state; null when the link breaks before. */
async function firstStatus(link: AgentLink): Promise<AttemptStatus | null> {
  for await (const frame of link.frames()) if (frame.type === 'status') return frame.status;
  return null;
}

interface Reached {
  readonly machineId: string;
  readonly via: 'websocket' | 'ssh';
  readonly link: AgentLink;
  readonly close: () => void;
}

/** A link to the agent's websocket; null when none of its machine's addresses answers from here. */
async function reach(cloud: Cloud, { dial, tunnel: openTunnel, ...options }: ReachOptions): Promise<Reached | null> {
  const { machine, endpoint, unreachable } = await findEndpoint(cloud, options);
  const { machineId } = machine;
  if (endpoint === null) return null;
  const { port, token } = endpoint;
  if (openTunnel !== null) {
    const tunnel = await openTunnel(machine, port);
    const link = tunnel === null ? null : await dial({ host: tunnel.host, port: tunnel.port, token, timeoutMs: 5000 });
    if (tunnel === null || link === null) {
      tunnel?.close();
      throw unreachable('the SSH tunnel could not be opened');
    }
    const close = (): void => {
      link.close();
      tunnel.close();
    };
    return { machineId, via: 'ssh', link, close };
  }
  for (const host of [machine.addresses.private, machine.addresses.public]) {
    if (host === null || !isLoopback(host)) continue;
    const link = await dial({ host, port, token, timeoutMs: DIAL_TIMEOUT_MS });
    if (link !== null) return { machineId, via: 'websocket', link, close: () => link.close() };
  }
  return null;
}

/** Agents listen on loopback only: at any other address a stranger would get the token. */
function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

function feedOf({ machineId, via, link, close }: Reached): LiveFeed {
  const frames: AgentFrame[] = [];
  let wake = (): void => {};
  const pump = async (): Promise<void> => {
    link.send({ type: 'follow-log', fromOffset: 0 });
    for await (const frame of link.frames()) {
      frames.push(frame);
      wake();
    }
  };
  // A link that breaks is no error: the bucket goes on telling.
  pump().catch(() => {});
  return {
    machineId,
    via,
    take: () => frames.splice(0),
    arrived: () => (frames.length > 0 ? Promise.resolve() : new Promise((resolve) => (wake = resolve))),
    close,
  };
}
