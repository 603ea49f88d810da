import type { ServerResponse } from 'node:http';

interface FaultScope {
  /** How many requests it hits; 1 when left out. */
  readonly times?: number;
  /** Hits only requests whose path contains this. */
  readonly path?: string;
}

/** `status` answers with a status; `hang` never answers; `expire-tokens` forgets every token given out so far. */
export type MetadataFault = FaultScope &
  (
    | { readonly kind: 'status'; readonly status: number }
    | { readonly kind: 'hang' }
    | { readonly kind: 'expire-tokens' }
  );

interface PlannedFault {
  readonly fault: MetadataFault;
  left: number;
}

/** Planned misbehaviour of metadata services, by instance. Plans are used up in order. */
export class MetadataFaults {
  readonly #planned = new Map<string, PlannedFault[]>();
  readonly #hanging = new Set<ServerResponse>();

  add(instanceId: string, fault: MetadataFault): void {
    const planned = this.#planned.get(instanceId) ?? [];
    planned.push({ fault, left: fault.times ?? 1 });
    this.#planned.set(instanceId, planned);
  }

  /** The fault that hits this request, if any; it is used up by that. */
  take(instanceId: string, path: string): MetadataFault | null {
    const planned = this.#planned.get(instanceId) ?? [];
    const hit = planned.find(({ fault, left }) => left > 0 && path.includes(fault.path ?? ''));
    if (hit === undefined) return null;
    hit.left--;
    this.#planned.set(
      instanceId,
      planned.filter(({ left }) => left > 0),
    );
    return hit.fault;
  }

  /** Leaves a request without an answer until its client gives up, or all is cleared. */
  hang(response: ServerResponse): void {
    this.#hanging.add(response);
    response.once('close', () => this.#hanging.delete(response));
  }

  clear(): void {
    this.#planned.clear();
    for (const response of this.#hanging) response.destroy();
  }
}
