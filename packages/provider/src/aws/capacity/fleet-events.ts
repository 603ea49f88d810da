import { DescribeFleetHistoryCommand, type EC2Client, type HistoryRecordEntry } from '@aws-sdk/client-ec2';
import type { ProviderEvent } from '../../port/index.ts';
import { awsCodeOf, classifyAwsError } from '../api/classify.ts';

/** Oldest first; empty for a fleet that EC2 does not know. */
export async function fleetEvents(client: EC2Client, fleetId: string, sinceMs: number): Promise<ProviderEvent[]> {
  try {
    const { HistoryRecords = [] } = await client.send(
      new DescribeFleetHistoryCommand({ FleetId: fleetId, StartTime: new Date(sinceMs), MaxResults: 1000 }),
    );
    return HistoryRecords.map(providerEvent).sort((a, b) => a.atMs - b.atMs);
  } catch (error) {
    if (awsCodeOf(error)?.startsWith('InvalidFleetId') === true) return [];
    throw error;
  }
}

/** The API model and the answers that are seen in the wild differ in the names of kinds (AWS CLI's examples): both are read. */
const KINDS: Readonly<Record<string, ProviderEvent['kind']>> = {
  error: 'error',
  'service-error': 'error',
  'instance-change': 'machine',
  instanceChange: 'machine',
  'fleet-change': 'state',
  fleetRequestChange: 'state',
};

/** For an error of which nothing more is known. */
const HINT = 'check instance_profile, ami, subnets and security_groups in .runctl.toml';

function providerEvent({ Timestamp, EventType, EventInformation }: HistoryRecordEntry): ProviderEvent {
  const kind = KINDS[EventType ?? ''] ?? 'information';
  const code = EventInformation?.EventSubType ?? 'unknown';
  const message = sentenceOf(EventInformation?.EventDescription ?? '');
  const error = kind === 'error' ? classifyAwsError({ name: code, message }, 'launching') : null;
  return {
    atMs: Timestamp?.getTime() ?? 0,
    kind,
    code,
    errorCode: error?.code ?? null,
    hint: error === null ? null : (error.hint ?? HINT),
    message,
    machineId: EventInformation?.InstanceId ?? null,
  };
}

/** EC2 puts the words of some errors into a JSON text beside the pool they are about; other texts are taken as they are. */
function sentenceOf(description: string): string {
  try {
    const parsed = JSON.parse(description) as { errorMessage?: unknown } | null;
    return typeof parsed?.errorMessage === 'string' ? parsed.errorMessage : description;
  } catch {
    return description;
  }
}
