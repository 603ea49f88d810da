import { AwsError } from '../../model/aws-error.ts';
import { isAlive } from '../../model/ec2/instance.ts';
import type { Command, Invocation } from '../../model/ssm/commands.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { epochSeconds, pagedJson } from './input.ts';
import type { Input } from './input.ts';
import type { SsmAction } from './service.ts';

const documentName = 'AWS-RunShellScript';
const pluginName = 'aws:runShellScript';
/** d.ts GetCommandInvocationResult: how much of the output is shown. */
const stdoutCharacters = 24_000;
const stderrCharacters = 8000;
/** ListCommandInvocations shows less. */
const detailCharacters = 2500;
const maximumTargets = 50;

export const commandActions: Readonly<Record<string, SsmAction>> = {
  SendCommand: (input, compute) => {
    const document = input.required('DocumentName');
    if (document !== documentName)
      throw new AwsError('InvalidDocument', `Document with name ${document} does not exist.`);
    const parameters = input.lists('Parameters');
    if ((parameters['commands'] ?? []).length === 0)
      throw new AwsError('InvalidParameters', 'The parameter commands is required.');
    const command = compute.commands.send({
      documentName,
      parameters,
      instanceIds: targetsOf(input, compute),
      comment: input.text('Comment') ?? '',
      timeoutSeconds: input.integer('TimeoutSeconds') ?? 3600,
    });
    return { Command: commandView(command) };
  },

  GetCommandInvocation: (input, compute) => {
    const plugin = input.text('PluginName');
    if (plugin !== undefined && plugin !== pluginName)
      throw new AwsError('InvalidPluginName', `The plugin name ${plugin} isn't valid.`);
    const command = compute.commands.find(input.required('CommandId'));
    const instanceId = input.required('InstanceId');
    const invocation = command?.invocations.find((candidate) => candidate.instanceId === instanceId);
    if (command === undefined || invocation === undefined || !isVisible(command, compute))
      throw new AwsError(
        'InvocationDoesNotExist',
        'The command ID and managed node ID you specified did not match any invocations.',
      );
    return invocationView(command, invocation);
  },

  ListCommandInvocations: (input, compute) => {
    const instanceId = input.text('InstanceId');
    const details = input.flag('Details');
    const rows = chosenCommands(input, compute).flatMap((command) =>
      command.invocations
        .filter(
          (invocation) =>
            isVisible(command, compute) && (instanceId ?? invocation.instanceId) === invocation.instanceId,
        )
        .map((invocation) => ({ command, invocation })),
    );
    const { items, next } = pagedJson(input, rows);
    const shown = items.map(({ command, invocation }) => listedView(command, invocation, details));
    return { CommandInvocations: shown, ...next };
  },

  ListCommands: (input, compute) => {
    const instanceId = input.text('InstanceId');
    const matching = chosenCommands(input, compute).filter(
      (command) => instanceId === undefined || command.instanceIds.includes(instanceId),
    );
    const { items, next } = pagedJson(input, matching);
    return { Commands: items.map(commandView), ...next };
  },

  CancelCommand: (input, compute) => {
    const id = input.required('CommandId');
    const command = compute.commands.find(id);
    if (command === undefined) throw new AwsError('InvalidCommandId', `Command ${id} does not exist.`);
    compute.commands.cancel(command, input.texts('InstanceIds'));
    return {};
  },
};

/** SSM knows of a new command's invocations only after a moment. */
function isVisible(command: Command, compute: Compute): boolean {
  return compute.clock.nowMs() >= command.requestedAtMs + compute.settings.delays.invocationVisibleMs;
}

function chosenCommands(input: Input, compute: Compute): readonly Command[] {
  const id = input.text('CommandId');
  if (input.structures('Filters').length > 0) throw new AwsError('InvalidFilterKey', 'Filters are not modelled.');
  return [...compute.commands.list()].filter((command) => id === undefined || command.id === id).reverse();
}

/** Instances by id, or by `Targets` (ids or tags; those that match nothing are left out). */
function targetsOf(input: Input, compute: Compute): readonly string[] {
  const ids = input.texts('InstanceIds');
  if (ids.length > maximumTargets)
    throw new AwsError('ValidationException', `InstanceIds must hold at most ${maximumTargets} ids`);
  const targets = input.structures('Targets');
  if (targets.length === 0 && ids.length === 0)
    throw new AwsError('InvalidParameters', 'InstanceIds or Targets are required.');
  const ready = compute.instances
    .list()
    .filter((instance) => isAlive(instance) && compute.commands.pingOf(instance) !== null);
  const targeted = ready.filter((instance) =>
    targets.every((target) => {
      const key = target.required('Key');
      const own = key === 'InstanceIds' ? instance.id : instance.tags.get(key.replace(/^tag:/, ''));
      return own !== undefined && target.texts('Values').includes(own);
    }),
  );
  return targets.length === 0 ? ids : [...ids, ...targeted.map(({ id }) => id)];
}

function overallStatus(command: Command): { status: string; details: string } {
  const statuses = command.invocations.map(({ status }) => status);
  if (statuses.every((status) => status === 'Pending')) return { status: 'Pending', details: 'Pending' };
  if (statuses.some((status) => status === 'InProgress' || status === 'Pending'))
    return { status: 'InProgress', details: 'InProgress' };
  const worst = command.invocations.find(({ status }) => status !== 'Success');
  return worst === undefined
    ? { status: 'Success', details: 'Success' }
    : { status: worst.status, details: worst.details };
}

function commandView(command: Command): Readonly<Record<string, unknown>> {
  const { status, details } = overallStatus(command);
  const ended = command.invocations.filter(({ endedAtMs }) => endedAtMs !== null);
  return {
    CommandId: command.id,
    DocumentName: command.documentName,
    DocumentVersion: '$DEFAULT',
    Comment: command.comment,
    ExpiresAfter: epochSeconds(command.requestedAtMs + command.timeoutSeconds * 1000 + 3_600_000),
    Parameters: command.parameters,
    InstanceIds: command.instanceIds,
    Targets: [],
    RequestedDateTime: epochSeconds(command.requestedAtMs),
    Status: status,
    StatusDetails: details,
    MaxConcurrency: '50',
    MaxErrors: '0',
    TargetCount: command.invocations.length,
    CompletedCount: ended.length,
    ErrorCount: ended.filter((invocation) => invocation.status !== 'Success').length,
    DeliveryTimedOutCount: 0,
    TimeoutSeconds: command.timeoutSeconds,
  };
}

function isoOrEmpty(ms: number | null): string {
  return ms === null ? '' : new Date(ms).toISOString();
}

/** Output is empty until the command ended (d.ts: "if the command hasn't finished running … this string is empty"). */
function invocationView(command: Command, invocation: Invocation): Readonly<Record<string, unknown>> {
  const { startedAtMs, endedAtMs } = invocation;
  const elapsedMs = startedAtMs === null || endedAtMs === null ? null : endedAtMs - startedAtMs;
  return {
    CommandId: command.id,
    InstanceId: invocation.instanceId,
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: '$DEFAULT',
    PluginName: pluginName,
    ResponseCode: invocation.responseCode,
    ExecutionStartDateTime: isoOrEmpty(startedAtMs),
    ExecutionElapsedTime: elapsedMs === null ? '' : `PT${(elapsedMs / 1000).toFixed(3)}S`,
    ExecutionEndDateTime: isoOrEmpty(endedAtMs),
    Status: invocation.status,
    StatusDetails: invocation.details,
    StandardOutputContent: endedAtMs === null ? '' : invocation.stdout.slice(0, stdoutCharacters),
    StandardOutputUrl: '',
    StandardErrorContent: endedAtMs === null ? '' : invocation.stderr.slice(0, stderrCharacters),
    StandardErrorUrl: '',
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
  };
}

function listedView(command: Command, invocation: Invocation, details: boolean): Readonly<Record<string, unknown>> {
  return {
    CommandId: command.id,
    InstanceId: invocation.instanceId,
    InstanceName: '',
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: '$DEFAULT',
    RequestedDateTime: epochSeconds(command.requestedAtMs),
    Status: invocation.status,
    StatusDetails: invocation.details,
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    CommandPlugins: details ? [pluginView(invocation)] : [],
  };
}

function pluginView(invocation: Invocation): Readonly<Record<string, unknown>> {
  const { startedAtMs, endedAtMs } = invocation;
  const output = endedAtMs === null ? '' : `${invocation.stdout}${invocation.stderr}`;
  return {
    Name: pluginName,
    Status: invocation.status,
    StatusDetails: invocation.details,
    ResponseCode: invocation.responseCode,
    ...(startedAtMs === null ? {} : { ResponseStartDateTime: epochSeconds(startedAtMs) }),
    ...(endedAtMs === null ? {} : { ResponseFinishDateTime: epochSeconds(endedAtMs) }),
    Output: output.slice(0, detailCharacters),
    StandardOutputUrl: '',
    StandardErrorUrl: '',
  };
}
