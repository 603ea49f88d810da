import { endpointOf } from '@runctl/aws-wire';
import { booleanSelector, loadConfig, SelectorType } from '@smithy/core/config';

/** How sections of the shared config file and what is nested in them are spelt by the SDK's loader. */
const NESTED = '.';

/**
 * Where the SDK's own clients would look for S3, by variables and the shared config file: `endpoint_url` of the profile, or
 * of `s3` in the `services` section that it names (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
 * Undefined = at AWS. Reads the process's environment.
 */
export async function s3EndpointOfSdk(): Promise<string | undefined> {
  const isIgnored = loadConfig<boolean>({
    environmentVariableSelector: (environment) =>
      booleanSelector(environment, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', SelectorType.ENV),
    configFileSelector: (profile) => booleanSelector(profile, 'ignore_configured_endpoint_urls', SelectorType.CONFIG),
    default: false,
  });
  if (await isIgnored()) return undefined;
  return loadConfig<string | undefined>({
    environmentVariableSelector: (environment) => endpointOf('S3', environment),
    configFileSelector: (profile, file) => {
      const section = file?.[`services${NESTED}${profile['services']}`];
      return section?.[`s3${NESTED}endpoint_url`] || profile['endpoint_url'] || undefined;
    },
    default: undefined,
  })();
}
