export type { SandboxControl, SandboxRegion, SandboxStartOptions } from './sandbox-control.ts';
export { inSandbox, withoutAccount } from './sandbox-environment.ts';
export { sandboxStateFolder } from './state-folder.ts';
