import {
  GetCommandInvocationCommand,
  type SSMClient,
  SendCommandCommand,
  type GetCommandInvocationCommandOutput,
} from '@aws-sdk/client-ssm';
import { type Clock, command, required, RunctlError } from '@runctl/core';
import type { RemoteShell, ShellResult } from '../../port/index.ts';
import { awsCodeOf, classifyAwsError } from '../api/classify.ts';

const PENDING = new Set(['Pending', 'InProgress', 'Delayed']);
const POLL_MS = [100, 200, 400, 800, 1500, 2000];
/** GetCommandInvocation does not know a command for a moment after SendCommand (boto/boto3#2701). */
const UNKNOWN_FOR_MS = 30_000;

/** SSM Run Command as a shell. Output ends at 24,000 characters, SSM's own limit. */
export function createRunCommand(client: SSMClient, clock: Clock): RemoteShell {
  const invocation = async (
    instanceId: string,
    commandId: string,
    sentMs: number,
  ): Promise<GetCommandInvocationCommandOutput | null> => {
    try {
      return await client.send(new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: instanceId }));
    } catch (error) {
      if (awsCodeOf(error) === 'InvocationDoesNotExist' && clock.monotonicMs() - sentMs < UNKNOWN_FOR_MS) return null;
      throw error;
    }
  };

  return {
    async run(instanceId, script, { timeoutMs, signal }) {
      try {
        const sentMs = clock.monotonicMs();
        const { Command } = await client.send(
          new SendCommandCommand({
            InstanceIds: [instanceId],
            DocumentName: 'AWS-RunShellScript',
            // Delivery must be given at least 30 s (SSM API reference, SendCommand).
            TimeoutSeconds: Math.max(30, Math.ceil(timeoutMs / 1000)),
            Parameters: { commands: [script], executionTimeout: [String(Math.max(1, Math.ceil(timeoutMs / 1000)))] },
          }),
        );
        const commandId = required(Command?.CommandId, 'command id');
        for (let poll = 0; ; poll++) {
          await clock.sleep(POLL_MS[Math.min(poll, POLL_MS.length - 1)] ?? 2000, signal);
          const found = await invocation(instanceId, commandId, sentMs);
          if (found !== null && !PENDING.has(found.Status ?? '')) return finished(instanceId, found);
          if (clock.monotonicMs() - sentMs > timeoutMs)
            throw unreachable(instanceId, `no answer within ${Math.round(timeoutMs / 1000)} s`);
        }
      } catch (error) {
        throw classifyAwsError(error, `running a command on ${instanceId}`);
      }
    },
  };
}

function finished(instanceId: string, result: GetCommandInvocationCommandOutput): ShellResult {
  if (result.Status === 'Success' || result.Status === 'Failed')
    return {
      exitCode: result.ResponseCode ?? 1,
      stdout: result.StandardOutputContent ?? '',
      stderr: result.StandardErrorContent ?? '',
    };
  throw unreachable(instanceId, `SSM says ${result.StatusDetails ?? result.Status ?? 'nothing'}`);
}

function unreachable(instanceId: string, why: string): RunctlError {
  return new RunctlError('agent-unreachable', `${instanceId} did not run the command: ${why}`, {
    hint: ['the instance may be gone or booting; ', command('status', 'RUN'), ' shows its last heartbeat'],
  });
}
