import type { Environment } from '@runctl/core';
import type { CommandIndex } from '../catalog/command-entry.ts';
import { completionRequest } from '../completion/answer.ts';
import { rememberedRuns } from '../completion/run-memory.ts';

export interface QuickCompletion {
  readonly commands: CommandIndex;
  readonly env: Environment;
  readonly cacheFolder: string;
  readonly home: string;
  readonly cwd: string;
}

/**
 * The answer to `runctl complete …` from what this computer knows: a person waits for it at each Tab. `args` are the words
 * behind `complete`.
 */
export async function completeQuickly(args: readonly string[], known: QuickCompletion): Promise<string> {
  const request = completionRequest(args);
  const { commandDetails: details } = await import('../command-index/command-details.ts');
  const { sandbox, state, bucket } = request.place;
  const runs = async () => {
    const { cacheFolder, env } = known;
    if (!sandbox) return rememberedRuns(cacheFolder, { bucket: bucket ?? env['RUNCTL_BUCKET'] ?? null, sandbox: null });
    const { sandboxStateFolder } = await import('@runctl/operations/sandbox');
    const folder = sandboxStateFolder({ flag: state, environment: env, home: known.home, cwd: known.cwd });
    return rememberedRuns(cacheFolder, { bucket: bucket ?? null, sandbox: folder });
  };
  return request.answer({ index: known.commands, details, runs });
}
