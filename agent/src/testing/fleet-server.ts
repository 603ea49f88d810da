import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SuccessorFault } from '../host/conformance.ts';

const LATE_MS = 50;

const deleted = (id: string): string =>
  `<successfulFleetDeletionSet><item><fleetId>${id}</fleetId></item></successfulFleetDeletionSet><unsuccessfulFleetDeletionSet/>`;
const notDeleted = (id: string, code: string): string =>
  `<successfulFleetDeletionSet/><unsuccessfulFleetDeletionSet><item><error><code>${code}</code></error><fleetId>${id}</fleetId></item></unsuccessfulFleetDeletionSet>`;
const refusal = (code: string): string => `<Response><Errors><Error><Code>${code}</Code></Error></Errors></Response>`;

/** EC2's DeleteFleets for one fleet: dry runs, failures that hide in a success, and answers that get lost. */
export class FleetServer implements AsyncDisposable {
  exists = true;
  fault: SuccessorFault = 'none';
  readonly #server: Server;
  readonly #fleetId: string;

  private constructor(server: Server, fleetId: string) {
    this.#server = server;
    this.#fleetId = fleetId;
  }

  static async start(fleetId: string): Promise<FleetServer> {
    const server = createServer();
    const fleets = new FleetServer(server, fleetId);
    server.on('request', (request, response) => {
      text(request).then(
        (body) => fleets.#answer(new URLSearchParams(body), response),
        () => response.destroy(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fleets;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(call: URLSearchParams, response: ServerResponse): void {
    const id = call.get('FleetId.1') ?? '';
    const wellFormed = call.get('Action') === 'DeleteFleets' && call.get('TerminateInstances') === 'false';
    if (!wellFormed) return void response.writeHead(400).end(refusal('InvalidParameterValue'));
    if (this.fault === 'no-answer') return;
    if (this.fault === 'no-right') return void response.writeHead(403).end(refusal('UnauthorizedOperation'));
    if (this.fault === 'throttled') return void response.writeHead(503).end(refusal('RequestLimitExceeded'));
    if (call.get('DryRun') === 'true') return void response.writeHead(412).end(refusal('DryRunOperation'));
    const body = this.#delete(id);
    if (this.fault === 'lost-answer') return void response.destroy();
    setTimeout(() => response.writeHead(200).end(body), this.fault === 'late-answer' ? LATE_MS : 0);
  }

  #delete(id: string): string {
    if (this.fault === 'hidden-failure') return notDeleted(id, 'unexpectedError');
    if (id !== this.#fleetId || !this.exists) return notDeleted(id, 'fleetIdDoesNotExist');
    this.exists = false;
    return deleted(id);
  }
}
