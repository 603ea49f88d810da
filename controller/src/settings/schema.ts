import { parseDuration } from '@runctl/core';
import { defaultRetention } from '@runctl/protocol';
import { normalize } from 'node:path/posix';
import * as z from 'zod';

const text = z.string('takes a text in quotes, such as "my-own"').min(1, 'takes a text that is not empty');
/** TOML arrays, or one string with commas as environment and flags have it. */
const list = z.union(
  [
    z.array(text),
    z.string().transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    ),
  ],
  'takes a list, such as ["one", "two"]',
);
const aDuration = 'takes a duration, such as 90s, 10m or 2h';
const durationMs = z.union([z.string(), z.number()], aDuration).transform((value, context) => {
  const ms = parseDuration(String(value));
  if (ms !== null) return ms;
  context.addIssue({ code: 'custom', message: aDuration });
  return z.NEVER;
});
const aNumber = 'takes a number, such as 2 or 0.5';
const number = z.union([z.number(), z.string()], aNumber).transform((value, context) => {
  const parsed = typeof value === 'number' ? value : Number(value.replace(/^\$/, ''));
  if (Number.isFinite(parsed) && String(value).trim() !== '') return parsed;
  context.addIssue({ code: 'custom', message: aNumber });
  return z.NEVER;
});
const whole = number.refine((value) => Number.isInteger(value) && value >= 0, 'takes a whole number, such as 3');
const positive = whole.refine((value) => value > 0, 'takes a whole number above 0, such as 3');
/** `loss`, `loss:min` or `accuracy:max`. */
const best = text.transform((value, context) => {
  const [, metric, mode = 'min'] = /^([^:]+?)(?::(min|max))?$/.exec(value) ?? [];
  if (metric !== undefined) return { metric, mode: mode as 'min' | 'max' };
  context.addIssue({
    code: 'custom',
    message: 'takes a name in the progress file with min or max, such as loss:min or accuracy:max',
  });
  return z.NEVER;
});
const flag = z.union(
  [
    z.boolean(),
    z.enum(['true', '1', 'yes']).transform(() => true),
    z.enum(['false', '0', 'no']).transform(() => false),
  ],
  'takes true or false',
);

/** Keys have at most 1,024 bytes, and a checkpoint's own paths need most of them. */
const MAX_PREFIX_BYTES = 256;
const isShortPrefix = (prefix: string): boolean => Buffer.byteLength(prefix) <= MAX_PREFIX_BYTES;

/** A relative path that does not climb out of where it begins. */
function staysInside(path: string): boolean {
  const normal = normalize(path);
  return normal !== '..' && !normal.startsWith('../');
}

/** All that lies in it is taken for the run's own: checkpoints are looked for in it, and what a resume finds is put there. */
function isOwnFolder(path: string): boolean {
  const normal = normalize(`${path}/`);
  return normal !== '/' && normal !== './' && !/^\/(proc|sys|dev|boot|etc|usr)\/(?!shm\/.)/.test(normal);
}

/** Everything that can be configured, whether it stands in a file, in `RUNCTL_<KEY>` or in a flag. */
export const settingsSchema = z.strictObject({
  /** Bucket in which runs live. */
  bucket: text.optional(),
  /** Folder in the bucket. */
  prefix: z
    .string('takes a text in quotes, such as "team-a"')
    .refine(isShortPrefix, `takes at most ${MAX_PREFIX_BYTES} bytes, such as team-a/experiments`)
    .default(''),
  region: text
    .regex(/^[a-z]{2,}(-[a-z]+)+-\d+$/, 'takes the name of an AWS region, such as us-east-1 or eu-central-1')
    .optional(),
  /** Who rents the machines, by name. */
  provider: text.default('aws'),
  /** Profile of ~/.aws/config. */
  profile: text.optional(),
  /** Name or ARN of the instance profile that instances get. */
  instance_profile: text.optional(),
  subnets: list.default([]),
  security_groups: list.default([]),
  /** AMI id or SSM parameter. */
  ami: text.optional(),
  instance_types: list.default([]),
  root_volume_gib: whole.optional(),
  on_demand: flag.default(false),
  /** Stay on spot even if there is no capacity. */
  no_fallback: flag.default(false),
  fallback_after: durationMs.default(300_000),
  checkpoint_dir: text
    .refine(
      staysInside,
      'takes a folder in the project, or an absolute path on the instance, such as checkpoints or /mnt/checkpoints',
    )
    .refine(
      isOwnFolder,
      'takes a folder that has nothing but checkpoints in it, such as checkpoints or /mnt/checkpoints',
    )
    .default('checkpoints'),
  resume: z.enum(['auto', 'never'], 'takes auto or never').default('auto'),
  resume_argument: text.optional(),
  /** Checkpoints kept in the bucket besides the newest. */
  keep_last: positive.default(defaultRetention.last),
  /** And the first at or after each multiple of so many steps. */
  keep_every: positive.optional(),
  /** And the one with the best value of a metric. */
  keep_best: best.optional(),
  grace: durationMs.optional(),
  budget: number.refine((value) => value > 0, 'takes an amount above 0').optional(),
  max_interruptions: whole.optional(),
  max_crashes: whole.default(3),
  max_runtime: durationMs.default(7 * 86_400_000),
  /** Two minutes of a notice last 120 s × this; only rehearsals shorten it. */
  time_scale: number.refine((value) => value > 0 && value <= 1, 'takes a number above 0, at most 1').default(1),
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingsInput = z.input<typeof settingsSchema>;
export type SettingKey = keyof Settings;

export const settingKeys: readonly SettingKey[] = Object.keys(settingsSchema.shape) as SettingKey[];
