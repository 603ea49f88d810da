import type { AgentFrame, ClientFrame } from '@runctl/protocol';

/** A live connection to an agent. */
export interface AgentLink {
  /** Frames in order; ends when the connection does. */
  frames(): AsyncIterable<AgentFrame>;
  send(frame: ClientFrame): void;
  close(): void;
}

export interface DialRequest {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly timeoutMs: number;
}

/** Connects to an agent's websocket; null when nothing answers there in time. */
export type Dial = (request: DialRequest) => Promise<AgentLink | null>;
