import { DescribeInstanceTypeOfferingsCommand, type EC2Client, type LocationType } from '@aws-sdk/client-ec2';
import { RunctlError, nearest, required } from '@runctl/core';
import { awsCodeOf } from '../api/classify.ts';
import { describeTypes, type TypeFacts } from './type-facts.ts';

interface OfferedType {
  readonly machineType: string;
  readonly zone: string;
}

/** What EC2 says of the types. Errors: `instance-type-unknown` for one that the region does not have, with the nearest. */
export async function knownTypes(client: EC2Client, machineTypes: readonly string[]): Promise<readonly TypeFacts[]> {
  try {
    return await describeTypes(client, machineTypes);
  } catch (error) {
    if (awsCodeOf(error) !== 'InvalidInstanceType') throw error;
    const all = new Set((await offerings(client, 'region', null)).map(({ machineType }) => machineType));
    const missing = machineTypes.filter((type) => !all.has(type));
    if (missing.length === 0) throw error;
    const close = missing.map((type) => nearest(type.toLowerCase(), all)).filter((type) => type !== null);
    throw new RunctlError('instance-type-unknown', `this region has no instance type ${missing.join(', ')}`, {
      hint: close.length === 0 ? 'choose another type or region' : `did you mean ${close.join(', ')}?`,
      cause: error,
    });
  }
}

/**
 * Those of the types that the region has; the newest are not everywhere. Errors: `instance-type-unknown` where it has none.
 */
export async function typesHere(client: EC2Client, machineTypes: readonly string[]): Promise<readonly TypeFacts[]> {
  try {
    return await describeTypes(client, machineTypes);
  } catch (error) {
    if (awsCodeOf(error) !== 'InvalidInstanceType') throw error;
    const offered = new Set((await offerings(client, 'region', machineTypes)).map(({ machineType }) => machineType));
    const here = machineTypes.filter((type) => offered.has(type));
    if (here.length === machineTypes.length) throw error;
    if (here.length > 0) return describeTypes(client, here);
    throw new RunctlError(
      'instance-type-unknown',
      `this region has none of the types that runctl takes where none is named: ${machineTypes.join(', ')}`,
      { hint: 'name one with --instance-type, or say what it must have: --gpus 1', cause: error },
    );
  }
}

/** EC2 takes so many values in a filter (EC2 user guide, "Filter your resources"). */
const VALUES_PER_FILTER = 200;

/** Which zones offer the types; one that the region does not have is offered nowhere. */
export async function offeredZones(client: EC2Client, machineTypes: readonly string[]): Promise<OfferedType[]> {
  const offered: OfferedType[] = [];
  for (let at = 0; at < machineTypes.length; at += VALUES_PER_FILTER)
    offered.push(...(await offerings(client, 'availability-zone', machineTypes.slice(at, at + VALUES_PER_FILTER))));
  return offered;
}

async function offerings(
  client: EC2Client,
  LocationType: LocationType,
  machineTypes: readonly string[] | null,
): Promise<OfferedType[]> {
  const offered: OfferedType[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType,
        ...(machineTypes === null ? {} : { Filters: [{ Name: 'instance-type', Values: [...machineTypes] }] }),
        ...(token === undefined ? {} : { NextToken: token }),
      }),
    );
    for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? [])
      offered.push({ machineType: required(InstanceType, 'instance type'), zone: required(Location, 'zone') });
    token = page.NextToken;
  } while (token !== undefined && token !== '');
  return offered;
}
