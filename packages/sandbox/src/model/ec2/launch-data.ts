import type { InstanceMarket } from './settings.ts';
import type { Tags } from './tags.ts';

export interface MetadataOptions {
  readonly httpTokens: 'required' | 'optional';
  readonly httpEndpoint: 'enabled' | 'disabled';
  readonly hopLimit: number;
  readonly instanceMetadataTags: 'enabled' | 'disabled';
}

export interface BlockDevice {
  readonly deviceName: string | undefined;
  readonly sizeGib: number | undefined;
  readonly volumeType: string | undefined;
  readonly deleteOnTermination: boolean | undefined;
}

/** The data of a launch template or of a RunInstances call: every field may be missing. */
export interface LaunchData {
  readonly imageId?: string;
  readonly instanceType?: string;
  /** Base64, as the client sent it. */
  readonly userData?: string;
  readonly keyName?: string;
  readonly profileName?: string;
  readonly profileArn?: string;
  readonly securityGroupIds?: readonly string[];
  readonly subnetId?: string;
  readonly zoneName?: string;
  readonly market?: InstanceMarket;
  readonly maxPrice?: string;
  readonly spotInstanceType?: string;
  readonly interruptionBehavior?: string;
  readonly metadata?: Partial<MetadataOptions>;
  readonly shutdownBehavior?: string;
  readonly blockDevices?: readonly BlockDevice[];
  /** By resource type: `instance`, `volume`, `spot-instances-request`, `network-interface`. */
  readonly tags?: ReadonlyMap<string, Tags>;
}

/** `data` with what `changes` sets put over it; metadata options are merged field by field, tags by resource type. */
export function overlay(data: LaunchData, changes: LaunchData): LaunchData {
  const set = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as LaunchData;
  return {
    ...data,
    ...set,
    ...(data.metadata !== undefined || set.metadata !== undefined
      ? { metadata: { ...data.metadata, ...set.metadata } }
      : {}),
    ...(data.tags !== undefined || set.tags !== undefined
      ? { tags: new Map([...(data.tags ?? []), ...(set.tags ?? [])]) }
      : {}),
  };
}
