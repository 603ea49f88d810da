import { RunctlError } from '@runctl/core';
import { isHopeless } from '../follow/hopeless.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { createRunReader } from '../run/run-reader.ts';
import { endCapacity } from '../stop/end-capacity.ts';
import { takeOver } from '../stop/take-over.ts';

/**
 * Ends a launch that the provider can't carry out, so that nothing of it is left and the run can be resumed again. Returns the error
 * to show; one of another kind comes back as it is.
 */
export async function endHopeless(
  ports: LaunchPorts,
  failed: { readonly run: string; readonly launch: number; readonly error: unknown },
): Promise<unknown> {
  const { run, launch, error } = failed;
  if (!isHopeless(error)) return error;
  const record = await createRunReader({ store: ports.cloud.store, run, clock: ports.clock }).read();
  await takeOver(ports, record, { launch, message: error.message });
  const ended = record.launches.find((other) => other.launch === launch);
  if (ended !== undefined)
    await endCapacity(ports, { run, launch: ended, patienceMs: 0, signal: new AbortController().signal });
  return new RunctlError(error.code, `${error.message}; launch ${launch} is ended, and nothing of it is left`, {
    hint: error.hintParts,
    cause: error,
  });
}
