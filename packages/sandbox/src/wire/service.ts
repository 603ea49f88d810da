import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../model/account/principal.ts';

/** One AWS service of the region. It is called after the signature was checked and answers every request itself. */
export interface Service {
  handle(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void>;
}

/** A service whose requests are signed in ways of its own (S3: chunked bodies, presigned URLs) and that checks them itself. */
export interface SelfVerifyingService {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}
