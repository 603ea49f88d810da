import fc from 'fast-check';

/**
 * Property tests draw the same examples each time, so that a change is judged by the change alone.
 * `RUNCTL_PROPERTY_SEED=random` draws others; a failure names its seed, which the variable takes too.
 */
const asked = process.env['RUNCTL_PROPERTY_SEED'] ?? '1';
if (asked !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(asked) });
