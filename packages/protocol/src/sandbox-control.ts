/** Placeholder of the sandbox's control channel, replaced by its schemas. */
export const sandboxControlVersion = 1;
