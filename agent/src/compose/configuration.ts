import { readFileSync } from 'node:fs';
import { RunctlError, messageOf } from '@runctl/core';
import { type AgentConfig, agentConfig, type AgentPaths, agentPaths, decodeDocument } from '@runctl/protocol';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the boot script and the environment say. */
export interface Configuration {
  readonly config: AgentConfig;
  readonly paths: AgentPaths;
  readonly instanceRoot: string;
}

/** Errors: `config-missing` where there is no boot script's file, `config-invalid` where it is not what it should be. */
export function readConfiguration(environment: Environment): Configuration {
  const instanceRoot = (environment['RUNCTL_INSTANCE_ROOT'] ?? '').replace(/\/+$/, '');
  const path = `${instanceRoot}/etc/runctl/agent.json`;
  const config = readConfig(path);
  return {
    config,
    paths: agentPaths(instanceRoot, config.run),
    instanceRoot,
  };
}

function readConfig(path: string): AgentConfig {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new RunctlError('config-missing', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'runctl-agent is started by the boot script of a run, which writes this file',
    });
  }
  try {
    return decodeDocument(agentConfig, bytes, path);
  } catch (error) {
    if (error instanceof RunctlError && error.code === 'newer-format') throw error;
    throw new RunctlError('config-invalid', messageOf(error), { cause: error });
  }
}
