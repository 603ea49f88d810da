/**
 * What every client of AWS needs on the wire, and nothing that knows a service: signatures, the instance metadata service,
 * signed query and JSON calls, the services' time, and where the environment points them.
 */
export * from './credentials.ts';
export * from './endpoint.ts';
export { httpDateMs, type WireAnswer } from './exchange.ts';
export * from './imds-client.ts';
export * from './json-client.ts';
export * from './query-client.ts';
export * from './service-clock.ts';
export * from './signed-exchange.ts';
export * from './signer.ts';
export * from './uri.ts';
