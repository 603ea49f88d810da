import * as z from 'zod';
import { attemptStatus } from './attempt.ts';

/**
 * Frames of the agent's websocket (`ws://127.0.0.1:<port>/live`, `Authorization: Bearer <token>`), one JSON object a message.
 * `GET /status` on the same port and with the same token answers one `agentStatus` document. Status frames come once there is
 * an attempt.
 */
export const agentFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), status: attemptStatus }),
  /** Bytes of the log as base64 from `offset` (uncompressed bytes of this life). */
  z.object({ type: z.literal('log'), generation: z.number().int(), offset: z.number().int(), base64: z.string() }),
  z.object({ type: z.literal('bye'), reason: z.string() }),
]);
export type AgentFrame = z.output<typeof agentFrame>;

export const clientFrame = z.discriminatedUnion('type', [
  /** Send the log from here on, and go on sending. */
  z.object({ type: z.literal('follow-log'), fromOffset: z.number().int().nonnegative() }),
  z.object({ type: z.literal('ping') }),
]);
export type ClientFrame = z.output<typeof clientFrame>;
