import { AwsError } from '../../model/aws-error.ts';
import type { Answer } from './action.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

interface Remembered {
  readonly parameters: string;
  readonly answer: () => Answer;
}

/**
 * Client tokens of one service. The same token with the same parameters gives the first call's answer again; with
 * others it is an error (EC2 developer guide, "Ensuring idempotency").
 */
export class Idempotency {
  readonly #calls = new Map<string, Remembered>();

  /** `create` has effects and gives a function that tells the answer as it is now. */
  once(call: { action: string; parameters: Parameters }, create: () => () => Answer): Answer {
    const token = call.parameters.text('ClientToken');
    if (token === undefined || token === '') return create()();
    if (token.length > 64)
      throw new AwsError('InvalidParameterValue', 'Client token must be at most 64 ASCII characters long.');
    const { ClientToken: _token, DryRun: _dryRun, ...others } = call.parameters.toPlain();
    const parameters = JSON.stringify(Object.entries(others).sort(([a], [b]) => a.localeCompare(b)));
    const key = `${call.action} ${token}`;
    const known = this.#calls.get(key);
    if (known === undefined) {
      const answer = create();
      this.#calls.set(key, { parameters, answer });
      return answer();
    }
    if (known.parameters === parameters) return known.answer();
    throw new AwsError(
      'IdempotentParameterMismatch',
      `The client token '${token}' was used before with other parameters.`,
    );
  }
}
