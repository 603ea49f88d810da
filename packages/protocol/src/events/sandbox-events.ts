import * as z from 'zod';
import { sandboxStatus } from '../sandbox/sandbox-control.ts';

/** A local cloud that has begun. */
const started = z.object({
  type: z.literal('sandbox'),
  folder: z.string(),
  pid: z.number(),
  level: z.string(),
  timeScale: z.number(),
  startedAt: z.string(),
  endpointUrl: z.string(),
  notReal: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
});

const status = sandboxStatus.extend({ type: z.literal('sandbox-status') });

const stopped = z.object({ type: z.literal('sandbox-stopped'), stopped: z.boolean(), folder: z.string() });

const interrupted = z.object({
  type: z.literal('interrupted'),
  instanceIds: z.array(z.string()),
  notice: z.boolean(),
});

/** Variables with which any AWS client talks to the local cloud, each under its own name. */
const environment = z.object({ type: z.literal('sandbox-environment') }).catchall(z.string());

export const sandboxEvents = [started, status, stopped, interrupted, environment] as const;
