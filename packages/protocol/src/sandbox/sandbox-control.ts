import * as z from 'zod';

/** Version of the sandbox's control channel and of `region.json`; both sides of it come from the same build as a rule. */
export const sandboxControlVersion = 1;

/** Path prefix of the control channel on the region's port. Requests carry `authorization: Bearer <adminToken>`. */
export const sandboxControlPath = '/_sandbox/';

/** File in the state folder that says where a running region is reached. Mode 0600: it holds the account's keys. */
export const sandboxRegionFileName = 'region.json';

export const sandboxLevel = z.enum(['process', 'lite', 'nspawn']);

export const sandboxRegionFile = z.object({
  version: z.literal(sandboxControlVersion),
  pid: z.number().int(),
  /** Tells the process from a later one with the same pid. */
  processStart: z.string(),
  startedAt: z.string(),
  /** `http://127.0.0.1:<port>`: every AWS service and the control channel. */
  endpoint: z.string(),
  region: z.string(),
  accountId: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  bucket: z.string(),
  instanceProfile: z.string(),
  level: sandboxLevel,
  /** One sentence for each thing that is not real at this level. */
  notReal: z.array(z.string()),
  /** EC2's own delays are multiplied by this: two minutes of notice last 120 s × timeScale. */
  timeScale: z.number().positive(),
  adminToken: z.string(),
});
export type SandboxRegionFile = z.output<typeof sandboxRegionFile>;

/** Which instances a request means: one, those of a run (tag `runctl:run`), or all that run. */
export const sandboxTarget = z.union([
  z.strictObject({ instanceId: z.string() }),
  z.strictObject({ run: z.string() }),
  z.strictObject({ all: z.literal(true) }),
]);
export type SandboxTarget = z.output<typeof sandboxTarget>;

const pool = {
  type: z.string().optional(),
  zone: z.string().optional(),
  market: z.enum(['spot', 'on-demand']).optional(),
};
const faultScope = {
  /** How many requests it hits; 1 when left out. */
  times: z.number().int().positive().optional(),
  /** Hits only requests whose path contains this. */
  path: z.string().optional(),
};
const metadataFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status'), status: z.number().int().min(100).max(599), ...faultScope }),
  z.strictObject({ kind: z.literal('hang'), ...faultScope }),
  z.strictObject({ kind: z.literal('expire-tokens'), ...faultScope }),
]);

/** Bodies of the control channel's requests, by name: `POST /_sandbox/<name>`. */
export const sandboxRequests = {
  status: z.strictObject({}),
  /** Takes spot instances back. Without notice they are gone at once; one that survives lives on past its deadline. */
  interrupt: z.strictObject({
    target: sandboxTarget,
    notice: z.boolean().optional(),
    rebalance: z.boolean().optional(),
    survives: z.boolean().optional(),
  }),
  rebalance: z.strictObject({ target: sandboxTarget }),
  /** How many instances fit into the matching pools; null = without limit. The latest matching rule decides. */
  capacity: z.strictObject({ ...pool, capacity: z.number().int().min(0).nullable(), errorCode: z.string().optional() }),
  'clear-capacity': z.strictObject({}),
  /** Names and meaning are those of the region's delays; all in real milliseconds. */
  delays: z.strictObject({ changes: z.record(z.string(), z.number().nullable()) }),
  /** Every n-th call of the EC2 or SSM action is refused; null ends it. */
  throttle: z.strictObject({ action: z.string(), everyNth: z.number().int().positive().nullable() }),
  'fail-next': z.strictObject({
    action: z.string(),
    code: z.string(),
    times: z.number().int().positive().optional(),
    message: z.string().optional(),
  }),
  /** No failure that was planned is left. */
  'clear-failures': z.strictObject({}),
  /** vCPUs that instances of a family and market may have together; null = without limit. */
  quota: z.strictObject({
    market: z.enum(['spot', 'on-demand']),
    family: z.enum(['standard', 'g-vt', 'p', 'p5', 'trn', 'inf', 'dl', 'f', 'x']),
    vcpus: z.number().int().min(0).nullable(),
  }),
  /** What is not known of EC2's fleets: whether pools without room rest too, and whether a rest holds for both markets. */
  'fleet-rests': z.strictObject({ fullPoolsRest: z.boolean().optional(), bothMarkets: z.boolean().optional() }),
  /** Whether the account has the service-linked role that fleets launch with. */
  'fleet-role': z.strictObject({ present: z.boolean() }),
  /** Whether the account has a default VPC, which launches without a subnet need. */
  'default-vpc': z.strictObject({ present: z.boolean() }),
  /** How machines that start from now on in a zone (in all zones when it is omitted) reach AWS. */
  'way-out': z.strictObject({
    zone: z.string().optional(),
    way: z.enum([
      'internet-gateway',
      'internet-gateway-without-addresses',
      'nat-gateway',
      'deleted-nat-gateway',
      'transit-gateway',
      'endpoints',
      'none',
    ]),
  }),
  'grant-role': z.strictObject({ actions: z.array(z.string()) }),
  /** Replaces all fault rules of S3; their form is the S3 service's own, which checks them. */
  's3-faults': z.strictObject({ rules: z.array(z.record(z.string(), z.unknown())) }),
  's3-faults-seen': z.strictObject({}),
  'imds-fault': z.strictObject({ target: sandboxTarget, fault: metadataFault }),
  /** Cuts (or restores) the network between instances and the region's endpoints; metadata stays reachable. */
  partition: z.strictObject({ target: sandboxTarget, partitioned: z.boolean() }),
  /** The host fails: the instance dies without notice and its disk is wiped. */
  'lose-disk': z.strictObject({ target: sandboxTarget }),
  console: z.strictObject({ instanceId: z.string() }),
  stop: z.strictObject({}),
} as const;
export type SandboxRequestName = keyof typeof sandboxRequests;
export type SandboxRequest<Name extends SandboxRequestName> = z.input<(typeof sandboxRequests)[Name]>;

const affected = z.object({ instanceIds: z.array(z.string()) });
const done = z.object({});

export const sandboxInstance = z.object({
  instanceId: z.string(),
  state: z.string(),
  stateReason: z.string().nullable(),
  type: z.string(),
  zone: z.string(),
  market: z.string(),
  fleetId: z.string().nullable(),
  privateAddress: z.string(),
  /** Its folder on this computer: console.log, and its files while it lives. */
  folder: z.string(),
  launchedAtMs: z.number(),
  endedAtMs: z.number().nullable(),
  rebalanceAtMs: z.number().nullable(),
  notice: z.object({ noticedAtMs: z.number(), deadlineMs: z.number(), survived: z.boolean() }).nullable(),
  tags: z.record(z.string(), z.string()),
});
export type SandboxInstance = z.output<typeof sandboxInstance>;

export const sandboxStatus = z.object({
  version: z.literal(sandboxControlVersion),
  level: sandboxLevel,
  notReal: z.array(z.string()),
  region: z.string(),
  timeScale: z.number(),
  nowMs: z.number(),
  startedAt: z.string(),
  instances: z.array(sandboxInstance),
  fleets: z.array(
    z.object({
      fleetId: z.string(),
      type: z.string(),
      state: z.string(),
      target: z.number(),
      fulfilled: z.number(),
      validUntilMs: z.number().nullable(),
      tags: z.record(z.string(), z.string()),
    }),
  ),
  /** What happened lately, oldest first; `kind` is `launched`, `running`, `notice`, `ended`, … */
  events: z.array(
    z.object({
      atMs: z.number(),
      kind: z.string(),
      instanceId: z.string().optional(),
      fleetId: z.string().optional(),
      detail: z.string().optional(),
    }),
  ),
});
export type SandboxStatus = z.output<typeof sandboxStatus>;

/** Answers with status 200, by the name of the request. */
export const sandboxAnswers = {
  status: sandboxStatus,
  interrupt: affected,
  rebalance: affected,
  capacity: done,
  'clear-capacity': done,
  delays: done,
  throttle: done,
  'fail-next': done,
  'clear-failures': done,
  quota: done,
  'fleet-rests': done,
  'fleet-role': done,
  'default-vpc': done,
  'way-out': done,
  'grant-role': done,
  's3-faults': done,
  's3-faults-seen': z.object({
    counts: z.array(z.object({ name: z.string(), effect: z.string(), matched: z.number(), applied: z.number() })),
  }),
  'imds-fault': affected,
  partition: affected,
  'lose-disk': affected,
  console: z.object({ text: z.string() }),
  stop: done,
} as const satisfies Record<SandboxRequestName, z.ZodType>;
export type SandboxAnswer<Name extends SandboxRequestName> = z.output<(typeof sandboxAnswers)[Name]>;

/** A hint with the commands in it as data. */
const hint = z.union([
  z.string(),
  z.array(z.union([z.string(), z.object({ path: z.string(), args: z.array(z.string()) })])),
]);

/** Every other answer: a code of the error catalog, what happened, and what can be done. */
export const sandboxFailure = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: hint.optional() }),
});
