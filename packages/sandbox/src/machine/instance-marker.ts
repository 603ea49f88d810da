/**
 * Variables that every process of an instance carries, with a value that begins with the instance's id. There are two,
 * because programs that start others drop variables of their own prefix, as runctl's agent does with `RUNCTL_`.
 */
export function markerVariables(marker: string): Record<string, string> {
  return { RUNCTL_SANDBOX_INSTANCE: marker, SANDBOX_INSTANCE: marker };
}
