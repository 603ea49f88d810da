import { RunctlError, nearest, type Environment } from '@runctl/core';
import { variableOf } from '../options/declaration/option-declaration.ts';
import { settingKeys } from './schema.ts';

/** Variables of runctl that are no settings: the local cloud's, and those that scripts and instances get. */
const OTHERS: ReadonlySet<string> = new Set(
  [
    'SANDBOX_STATE COMPLETE_REMOTE SANDBOX_INSTANCE INSTANCE_ROOT RUN LAUNCH RUN_ID ATTEMPT NODE WORKLOAD',
    'CHECKPOINT_DIR RESUME_FROM PREEMPT_FILE PROGRESS_FILE DONE_FILE',
    // What runctl's own tests are told.
    'BOTO3_PYTHON CONFORMANCE_RGW',
  ]
    .join(' ')
    .split(' ')
    .map((name) => `RUNCTL_${name}`),
);

/** Settings that the environment names. Errors: `config-invalid` for a variable that none is, naming the nearest. */
export function environmentValues(environment: Environment): Record<string, unknown> {
  const known = settingKeys.map(variableOf);
  for (const [name, value] of Object.entries(environment))
    if (name.startsWith('RUNCTL_') && Boolean(value) && !known.includes(name) && !OTHERS.has(name))
      throw unknownVariable(name, known);
  const values: Record<string, unknown> = {};
  for (const key of settingKeys) {
    const value = environment[variableOf(key)];
    if (value !== undefined && value !== '') values[key] = value;
  }
  return values;
}

function unknownVariable(name: string, known: readonly string[]): RunctlError {
  const prefix = 'RUNCTL_'.length;
  const close = nearest(
    name.slice(prefix),
    known.map((other) => other.slice(prefix)),
  );
  return new RunctlError('config-invalid', `the environment: runctl knows no variable ${name}`, {
    hint: close === null ? `unset it; the settings are ${settingKeys.join(', ')}` : `did you mean RUNCTL_${close}?`,
  });
}
