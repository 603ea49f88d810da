import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/**
 * An HTTP server that one machine alone can reach and that can be cut off from it. While it is cut, new connections are
 * taken but never read; connections that were open when it was cut, and those taken meanwhile, are reset. So nothing that
 * is sent during a partition is ever carried out afterwards.
 */
export class CuttableServer {
  readonly #http;
  readonly #listening: Server;
  readonly #open = new Set<Socket>();
  readonly #held = new Set<Socket>();
  #cut = false;

  constructor(listener: RequestListener) {
    this.#http = createHttpServer({ keepAliveTimeout: 60_000 }, listener);
    this.#listening = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Starts to serve; resolves with the port. `at` may be a listening handle that another process passed on. */
  async listen(at: ListenOptions | Server): Promise<number> {
    this.#listening.listen(at);
    await once(this.#listening, 'listening');
    const address = this.#listening.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  setCut(cut: boolean): void {
    if (cut === this.#cut) return;
    this.#cut = cut;
    for (const socket of cut ? this.#open : this.#held) socket.resetAndDestroy();
  }

  /** Drops every connection and stops to listen. Idempotent. */
  close(): void {
    this.#listening.close();
    for (const socket of [...this.#open, ...this.#held]) socket.destroy();
  }

  #accept(socket: Socket): void {
    const sockets = this.#cut ? this.#held : this.#open;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    if (this.#cut) return;
    this.#http.emit('connection', socket);
    socket.resume();
  }
}
