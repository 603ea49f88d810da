import { AwsError } from '../aws-error.ts';
import type { Instance } from './instance.ts';
import type { LaunchSpec } from './launch-spec.ts';
import { newSpotRequestId } from './resource-ids.ts';
import type { Tags } from './tags.ts';

/** open ──► active ──► closed; open or active ──► cancelled (d.ts SpotInstanceState). */
export type SpotRequestState = 'open' | 'active' | 'closed' | 'cancelled';

/** Status codes of the user guide's spot-request-status page, as far as they are modelled. */
const messages = {
  'pending-evaluation': 'Your Spot request has been submitted for review, and is pending evaluation.',
  fulfilled: 'Your Spot request is fulfilled.',
  'capacity-not-available': 'There is no Spot capacity available that matches your request.',
  'instance-terminated-no-capacity':
    'Your Spot Instance was terminated because there is no longer any available Spot capacity that matches your request.',
  'instance-terminated-by-user': 'Your Spot Instance was terminated due to user-initiated termination.',
  'system-error': 'There was an unexpected system error.',
  'canceled-before-fulfillment': 'Your Spot request was canceled before it was fulfilled.',
  'request-canceled-and-instance-running': 'Your Spot request is canceled, but your Spot Instance is still running.',
} as const;
export type SpotStatusCode = keyof typeof messages;

export interface SpotRequest {
  readonly id: string;
  readonly createdAtMs: number;
  readonly fleetId: string | null;
  readonly tags: Tags;
  /** Null while no pool was found. */
  spec: LaunchSpec | null;
  state: SpotRequestState;
  code: SpotStatusCode;
  message: string;
  updatedAtMs: number;
  instanceId: string | null;
}

/** The account's spot requests; one for each spot instance, and open ones for what fleets could not get. */
export class SpotRequests {
  readonly #requests = new Map<string, SpotRequest>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  list(): readonly SpotRequest[] {
    return [...this.#requests.values()];
  }

  get(id: string): SpotRequest {
    const request = this.#requests.get(id);
    if (request !== undefined) return request;
    throw new AwsError('InvalidSpotInstanceRequestID.NotFound', `The spot instance request ID '${id}' does not exist`);
  }

  /** A request that waits for capacity. */
  open(fleetId: string | null, code: SpotStatusCode): SpotRequest {
    const nowMs = this.#nowMs();
    const request: SpotRequest = {
      id: newSpotRequestId(),
      createdAtMs: nowMs,
      fleetId,
      tags: new Map(),
      spec: null,
      state: 'open',
      code,
      message: messages[code],
      updatedAtMs: nowMs,
      instanceId: null,
    };
    this.#requests.set(request.id, request);
    return request;
  }

  /** Open requests of a fleet, oldest first. */
  openOf(fleetId: string): readonly SpotRequest[] {
    return this.list().filter((request) => request.fleetId === fleetId && request.state === 'open');
  }

  /** Ties an instance to an open request of its fleet, or to a new request. */
  fulfil(instance: Instance): SpotRequest {
    const waiting = instance.fleetId === null ? undefined : this.openOf(instance.fleetId)[0];
    const request = waiting ?? this.open(instance.fleetId, 'pending-evaluation');
    for (const [key, value] of instance.spec.tags.get('spot-instances-request') ?? []) request.tags.set(key, value);
    request.spec = instance.spec;
    request.instanceId = instance.id;
    this.#set(request, 'active', 'fulfilled');
    return request;
  }

  /** Records why the request of `instance` is over; does nothing for an on-demand instance or a finished request. */
  finish(instance: Instance, code: SpotStatusCode): void {
    const request = this.#ofInstance(instance);
    if (request === undefined || request.state === 'closed') return;
    this.#set(request, request.state === 'cancelled' ? 'cancelled' : 'closed', code);
  }

  /** EC2 failed to take the instance: the request is fulfilled again (user guide, spot-instance-termination-notices). */
  restore(instance: Instance): void {
    const request = this.#ofInstance(instance);
    if (request?.state === 'closed') this.#set(request, 'active', 'fulfilled');
  }

  cancel(request: SpotRequest): void {
    if (request.state === 'open') this.#set(request, 'cancelled', 'canceled-before-fulfillment');
    else if (request.state === 'active') this.#set(request, 'cancelled', 'request-canceled-and-instance-running');
  }

  #ofInstance(instance: Instance): SpotRequest | undefined {
    return instance.spotRequestId === null ? undefined : this.#requests.get(instance.spotRequestId);
  }

  #set(request: SpotRequest, state: SpotRequestState, code: SpotStatusCode): void {
    request.state = state;
    request.code = code;
    request.message = messages[code];
    request.updatedAtMs = this.#nowMs();
  }
}
