import { RunctlError } from '@runctl/core';

/** Methods of a provider that can be made to fail. */
export type FaultyMethod =
  'offers' | 'target' | 'launch' | 'find' | 'state' | 'events' | 'machines' | 'end' | 'switchTo';

interface PlannedFault {
  readonly method: FaultyMethod;
  /** `before`: the call has no effect. `after`: it has, and the caller never hears of it. */
  readonly when: 'before' | 'after';
  readonly error: RunctlError;
}

/** A throttled read is repeated this often before it rejects. */
const READ_ATTEMPTS = 5;

/** How a memory cloud misbehaves, by call. Each plan is used up by the call that meets it. */
export class MemoryFaults {
  readonly #planned: PlannedFault[] = [];
  #throttledCalls = 0;

  /** The next call of the method rejects with `error` and has no effect. */
  failNext(method: FaultyMethod, error: RunctlError): void {
    this.#planned.push({ method, when: 'before', error });
  }

  /** The next call of the method takes effect, and its answer is lost. */
  loseAnswer(method: FaultyMethod): void {
    const error = new RunctlError('cloud-unreachable', `${method}: no answer from the memory cloud`, {
      hint: 'try again',
    });
    this.#planned.push({ method, when: 'after', error });
  }

  /** The next `calls` requests are refused because there were too many; repetitions count. */
  throttle(calls: number): void {
    this.#throttledCalls = calls;
  }

  async meet<T>(method: FaultyMethod, effect: () => T): Promise<T> {
    this.#passThrottle(method);
    const fault = this.#take(method);
    if (fault?.when === 'before') throw fault.error;
    const answer = effect();
    if (fault?.when === 'after') throw fault.error;
    return answer;
  }

  #passThrottle(method: FaultyMethod): void {
    const attempts = method === 'launch' || method === 'switchTo' ? 1 : READ_ATTEMPTS;
    for (let attempt = 1; this.#throttledCalls > 0; attempt++) {
      this.#throttledCalls -= 1;
      if (attempt === attempts)
        throw new RunctlError('cloud-error', `${method}: too many requests (${attempt} attempts)`, {
          hint: 'try again in a minute',
        });
    }
  }

  #take(method: FaultyMethod): PlannedFault | undefined {
    const index = this.#planned.findIndex((fault) => fault.method === method);
    return index < 0 ? undefined : this.#planned.splice(index, 1)[0];
  }
}
