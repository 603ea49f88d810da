import { retentionOptions, savingOptions } from './checkpoint-options.ts';
import { limitOptions } from './limit-options.ts';
import { machineOptions } from './machine-options.ts';
import { fallbackOptions } from './waiting-options.ts';

/** All that a launch takes from the settings besides the account: where, under which limits, and what is kept. */
export const launchOptions = {
  ...machineOptions,
  ...fallbackOptions,
  ...savingOptions,
  ...retentionOptions,
  ...limitOptions,
};
