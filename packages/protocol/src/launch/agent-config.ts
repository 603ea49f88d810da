import * as z from 'zod';
import { documentSha256, launchNumber, openEnum, versioned } from '../codec.ts';
import { runId } from '../run-id.ts';

/**
 * `/etc/runctl/agent.json`: what the boot script leaves for the agent. No secrets: user data can be read by every process.
 * All of the agent's paths stand under `RUNCTL_INSTANCE_ROOT`, which is empty on a real machine.
 */
export const agentConfig = versioned.extend({
  run: runId,
  launch: launchNumber,
  bucket: z.string().min(1),
  /** Ends with `/`, or is empty. */
  prefix: z.string(),
  region: z.string().min(1),
  /** What the agent runs on: it decides how interruptions are seen and what ends with the launch. */
  host: openEnum(['ec2', 'plain']),
  /** The agent shows life at least this often to who restarts it otherwise; null where nobody watches it. */
  standstillMs: z.number().int().positive().nullable().default(null),
  /**
   * What the laptop wrote into the bucket for this launch. The role of a machine, which the workload has too, may write there,
   * but it can't change user data: an agent obeys documents with these bytes and no others. `intentSha256` is null where the
   * launch has no intent.
   */
  written: z.object({ specSha256: documentSha256, intentSha256: documentSha256.nullable() }),
});
export type AgentConfig = z.output<typeof agentConfig>;

/** Folders and files of an agent below the instance's root; `home` is the home of the user who runs the workload. */
export function agentPaths(instanceRoot: string, run: string) {
  const state = `${instanceRoot}/var/lib/runctl/${run}`;
  return {
    config: `${instanceRoot}/etc/runctl/agent.json`,
    /** Where the agent answers: `{pid, port, token}`, mode 0600. */
    endpoint: `${instanceRoot}/run/runctl/agent.json`,
    /** Its pid and a number that grows while it lives, for who watches it from outside. */
    alive: `${instanceRoot}/run/runctl/alive`,
    state,
    /** Nonce and generation of the lease this machine holds. */
    lease: `${state}/lease.json`,
    /** What the supervisor needs to adopt a running workload. */
    pid: `${state}/training.pid`,
    exit: `${state}/training.exit`,
    log: `${state}/training.log`,
    /** The only folder of the agent's that the workload may write to: its user owns it. */
    script: `${state}/script`,
    progress: `${state}/script/progress.json`,
    preempt: `${state}/script/preempt`,
    done: `${state}/script/done`,
    journal: `${state}/journal.json`,
    /** Uploads on their way, for the agent that starts after this one died. */
    uploads: `${state}/uploads.ndjson`,
    /** Written again and again, to see whether the disk still answers. */
    probe: `${state}/probe`,
    /** Manifests that a restore found damaged. */
    rejected: `${state}/rejected.json`,
    agentLog: `${instanceRoot}/var/log/runctl-agent.log`,
    tools: `${instanceRoot}/opt/runctl`,
  };
}
export type AgentPaths = ReturnType<typeof agentPaths>;

/** `/run/runctl/agent.json`. */
export const agentEndpoint = z.object({
  pid: z.number().int(),
  port: z.number().int(),
  token: z.string(),
  run: runId,
});
export type AgentEndpoint = z.output<typeof agentEndpoint>;
