import type { CloudInstance } from '@runctl/cloud';
import type { AgentFrame } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import type { AgentLink, Dial } from './agent-link.ts';
import { askAgent, findEndpoint, type AskOptions } from './ask-agent.ts';

const DIAL_TIMEOUT_MS = 1000;

/** Makes a port of the instance reachable here; null when it can't. */
export type Tunnel = (
  instance: CloudInstance,
  port: number,
) => Promise<{ readonly host: string; readonly port: number; close(): void } | null>;

/** Frames of an agent that have arrived and were not taken yet. */
export interface LiveFeed {
  readonly instanceId: string;
  readonly via: 'websocket' | 'ssh' | 'ssm';
  take(): readonly AgentFrame[];
  /** Resolves when frames have arrived. */
  arrived(): Promise<void>;
  close(): void;
}

/**
 * Connects to the agent of a run: over its websocket, else it is asked once through Run Command, and the log comes from
 * the bucket. Errors: `agent-unreachable`.
 */
export async function openLive(
  cloud: Cloud,
  options: AskOptions & { readonly dial: Dial; readonly tunnel: Tunnel | null },
): Promise<LiveFeed> {
  const { instance, endpoint, unreachable } = await findEndpoint(cloud, options);
  const { port, token } = endpoint;
  if (options.tunnel !== null) {
    const tunnel = await options.tunnel(instance, port);
    const link =
      tunnel === null ? null : await options.dial({ host: tunnel.host, port: tunnel.port, token, timeoutMs: 5000 });
    if (link === null) throw unreachable('the SSH tunnel could not be opened');
    return feedOf(link, { instanceId: instance.instanceId, via: 'ssh', close: () => tunnel?.close() });
  }
  for (const host of [instance.privateIp, instance.publicIp]) {
    const link = host === null ? null : await options.dial({ host, port, token, timeoutMs: DIAL_TIMEOUT_MS });
    if (link !== null) return feedOf(link, { instanceId: instance.instanceId, via: 'websocket', close: () => {} });
  }
  const { status } = await askAgent(cloud, options);
  const frames: AgentFrame[] = [{ type: 'status', status }];
  return {
    instanceId: instance.instanceId,
    via: 'ssm',
    take: () => frames.splice(0),
    arrived: () => new Promise(() => {}),
    close: () => {},
  };
}

function feedOf(link: AgentLink, about: { instanceId: string; via: LiveFeed['via']; close: () => void }): LiveFeed {
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
    instanceId: about.instanceId,
    via: about.via,
    take: () => frames.splice(0),
    arrived: () => (frames.length > 0 ? Promise.resolve() : new Promise((resolve) => (wake = resolve))),
    close: () => {
      link.close();
      about.close();
    },
  };
}
