import { agentFrame, type AgentFrame } from '@runctl/protocol';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { AgentLink, Dial } from '@runctl/operations/live';

/** Agents' websockets over `ws`. */
export const dialWebSocket: Dial = async ({ host, port, token, timeoutMs }) => {
  const socket = new WebSocket(`ws://${host}:${port}/live`, {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: timeoutMs,
  });
  try {
    await once(socket, 'open', { signal: AbortSignal.timeout(timeoutMs) });
    return linkOf(socket);
  } catch {
    // `terminate` before the handshake is over makes the socket emit one more error.
    socket.on('error', () => {});
    socket.terminate();
    return null;
  }
};

function linkOf(socket: WebSocket): AgentLink {
  socket.on('error', () => socket.terminate());
  return {
    frames: () => framesOf(socket),
    send: (frame) => socket.send(JSON.stringify(frame)),
    close: () => socket.terminate(),
  };
}

async function* framesOf(socket: WebSocket): AsyncGenerator<AgentFrame> {
  const waiting: AgentFrame[] = [];
  let wake = (): void => {};
  let closed = socket.readyState !== WebSocket.OPEN;
  socket.on('message', (data: Buffer) => {
    const frame = agentFrame.safeParse(JSON.parse(data.toString('utf8')));
    // A newer agent may send more kinds of frames.
    if (frame.success) waiting.push(frame.data);
    wake();
  });
  socket.on('close', () => {
    closed = true;
    wake();
  });
  for (;;) {
    while (waiting.length > 0) yield waiting.shift() as AgentFrame;
    if (closed) return;
    await new Promise<void>((resolve) => (wake = resolve));
  }
}
