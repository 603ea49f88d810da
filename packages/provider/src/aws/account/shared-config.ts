import { endpointOf, type EndpointService } from '@runctl/aws-wire';
import type { Environment } from '@runctl/core';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** How sections of the shared config file and what is nested in them are spelt by the SDK's loader. */
const NESTED = '.';

/** The files in which the SDKs and the AWS command line keep profiles. */
export interface SharedFiles {
  readonly configFilepath: string;
  readonly filepath: string;
}

/** The settings of one profile of the shared files, under the variables of one environment. */
export interface SharedConfig {
  /** A setting of the profile; undefined where it has none. */
  setting(name: string): string | undefined;
  /** A switch: the variable, where it says `true` or `false`, else the profile's setting, else false. */
  isOn(variable: string, setting: string): boolean;
  /**
   * Where a service is to be asked: its own variable, the general one, `endpoint_url` of the service in the `services`
   * section that the profile names, `endpoint_url` of the profile (AWS SDKs and Tools Reference Guide, "Service-specific
   * endpoints"). Undefined = at AWS.
   */
  endpoint(service: EndpointService): string | undefined;
}

/** Where the shared files are: `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`, else below the home folder. */
export function sharedFilesOf(environment: Environment): SharedFiles {
  const folder = join(environment['HOME'] || homedir(), '.aws');
  return {
    configFilepath: environment['AWS_CONFIG_FILE'] || join(folder, 'config'),
    filepath: environment['AWS_SHARED_CREDENTIALS_FILE'] || join(folder, 'credentials'),
  };
}

/** Reads the shared files anew; ones that are not there say nothing. */
export async function readSharedConfig(environment: Environment, profile: string): Promise<SharedConfig> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles({
    ...sharedFilesOf(environment),
    ignoreCache: true,
  });
  const setting = (name: string): string | undefined => configFile[profile]?.[name] ?? credentialsFile[profile]?.[name];
  const isOn = (variable: string, name: string): boolean => {
    const value = environment[variable]?.toLowerCase();
    return value === 'true' || value === 'false' ? value === 'true' : setting(name)?.toLowerCase() === 'true';
  };
  const endpoint = (service: EndpointService): string | undefined => {
    if (isOn('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'ignore_configured_endpoint_urls')) return undefined;
    const section = configFile[`services${NESTED}${setting('services')}`];
    return (
      endpointOf(service, environment) ||
      section?.[`${service.toLowerCase()}${NESTED}endpoint_url`] ||
      setting('endpoint_url') ||
      undefined
    );
  };
  return { setting, isOn, endpoint };
}
