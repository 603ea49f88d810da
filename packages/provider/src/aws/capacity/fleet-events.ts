import { DescribeFleetHistoryCommand, type EC2Client, type HistoryRecordEntry } from '@aws-sdk/client-ec2';
import type { ReportedEvents } from '../../port/index.ts';
import { awsCodeOf } from '../api/classify.ts';
import { readHistory } from './read-history.ts';

/**
 * An event may be visible up to 30 s late (DescribeFleetHistory, API reference), and whether `LastEvaluatedTime` allows for
 * that is not said: the next look begins a little before it.
 */
const LATE_MS = 45_000;

/** All pages since a time; nothing for a fleet that EC2 does not know. */
export async function fleetEvents(client: EC2Client, fleetId: string, sinceMs: number): Promise<ReportedEvents> {
  const records: HistoryRecordEntry[] = [];
  let evaluatedMs = sinceMs;
  try {
    let token: string | undefined;
    do {
      const page = await client.send(
        new DescribeFleetHistoryCommand({
          FleetId: fleetId,
          StartTime: new Date(sinceMs),
          MaxResults: 1000,
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      );
      records.push(...(page.HistoryRecords ?? []));
      evaluatedMs = page.LastEvaluatedTime?.getTime() ?? evaluatedMs;
      // The last page may carry an empty one.
      token = page.NextToken === '' || page.NextToken === token ? undefined : page.NextToken;
    } while (token !== undefined);
  } catch (error) {
    if (awsCodeOf(error)?.startsWith('InvalidFleetId') !== true) throw error;
  }
  return { events: readHistory(records), nextSinceMs: Math.max(sinceMs, evaluatedMs - LATE_MS) };
}
