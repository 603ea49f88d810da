import { runIdPattern } from '@runctl/core';
import * as z from 'zod';

/** `r-` and ten base32 characters; constant over all recoveries. */
export const runId = z.string().regex(runIdPattern);
