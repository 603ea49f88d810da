import { AwsError } from '../../model/aws-error.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

const page = 'MaxResults NextToken';

/** The parameters of each action, without lists' numbers (API reference; members of the requests in the SDK). */
const names: Readonly<Record<string, string>> = {
  CancelSpotInstanceRequests: 'SpotInstanceRequestId',
  CreateFleet: `ClientToken Context ExcessCapacityTerminationPolicy LaunchTemplateConfigs OnDemandOptions
    ReplaceUnhealthyInstances ReservedCapacityOptions SpotOptions TagSpecification
    TargetCapacitySpecification TerminateInstancesWithExpiration Type ValidFrom ValidUntil`,
  CreateLaunchTemplate:
    'ClientToken LaunchTemplateData LaunchTemplateName Operator TagSpecification VersionDescription',
  CreateLaunchTemplateVersion: `ClientToken LaunchTemplateData LaunchTemplateId LaunchTemplateName ResolveAlias SourceVersion
    VersionDescription`,
  CreateSecurityGroup: 'GroupDescription GroupName TagSpecification VpcId',
  CreateTags: 'ResourceId Tag',
  DeleteFleets: 'FleetId TerminateInstances',
  DeleteLaunchTemplate: 'LaunchTemplateId LaunchTemplateName',
  DeleteLaunchTemplateVersions: 'LaunchTemplateId LaunchTemplateName LaunchTemplateVersion',
  DeleteSecurityGroup: 'GroupId GroupName',
  DeleteTags: 'ResourceId Tag',
  DescribeAvailabilityZones: 'AllAvailabilityZones Filter ZoneId ZoneName',
  DescribeFleetHistory: `EventType FleetId StartTime ${page}`,
  DescribeFleetInstances: `Filter FleetId ${page}`,
  DescribeFleets: `Filter FleetId ${page}`,
  DescribeImages: `ExecutableBy Filter ImageId IncludeDeprecated IncludeDisabled Owner ${page}`,
  DescribeInstanceStatus: `Filter IncludeAllInstances IncludeManagedResources InstanceId ${page}`,
  DescribeInstanceTypeOfferings: `Filter LocationType ${page}`,
  DescribeInstanceTypes: `Filter IncludeUnsupportedInRegion InstanceType ${page}`,
  DescribeInstances: `Filter IncludeManagedResources InstanceId ${page}`,
  DescribeKeyPairs: 'Filter IncludePublicKey KeyName KeyPairId',
  DescribeLaunchTemplateVersions: `Filter IncludeManagedResources LaunchTemplateId LaunchTemplateName LaunchTemplateVersion MaxResults
    MaxVersion MinVersion NextToken ResolveAlias`,
  DescribeLaunchTemplates: `Filter IncludeManagedResources LaunchTemplateId LaunchTemplateName ${page}`,
  DescribeRegions: 'AllRegions Filter RegionName',
  DescribeRouteTables: `Filter RouteTableId ${page}`,
  DescribeSecurityGroups: `Filter GroupId GroupName ${page}`,
  DescribeSpotInstanceRequests: `Filter SpotInstanceRequestId ${page}`,
  DescribeSpotPriceHistory: `AvailabilityZone AvailabilityZoneId EndTime Filter InstanceType ProductDescription StartTime ${page}`,
  DescribeSubnets: `Filter SubnetId ${page}`,
  DescribeTags: `Filter ${page}`,
  DescribeVolumes: `Filter IncludeManagedResources VolumeId ${page}`,
  DescribeVpcEndpoints: `Filter VpcEndpointId ${page}`,
  DescribeVpcs: `Filter VpcId ${page}`,
  GetConsoleOutput: 'InstanceId Latest',
  ModifyFleet: 'Context ExcessCapacityTerminationPolicy FleetId LaunchTemplateConfig TargetCapacitySpecification',
  RunInstances: `AdditionalInfo BlockDeviceMapping CapacityReservationSpecification ClientToken CpuOptions
    CreditSpecification DisableApiStop DisableApiTermination EbsOptimized ElasticGpuSpecification
    ElasticInferenceAccelerator EnablePrimaryIpv6 EnclaveOptions HibernationOptions IamInstanceProfile
    ImageId InstanceInitiatedShutdownBehavior InstanceMarketOptions InstanceType Ipv6Address
    Ipv6AddressCount KernelId KeyName LaunchTemplate LicenseSpecification MaintenanceOptions MaxCount
    MetadataOptions MinCount Monitoring NetworkInterface NetworkPerformanceOptions Operator Placement
    PrivateDnsNameOptions PrivateIpAddress RamdiskId SecondaryInterface SecurityGroup SecurityGroupId
    SubnetId TagSpecification UserData`,
  StartInstances: 'AdditionalInfo InstanceId',
  StopInstances: 'Force Hibernate InstanceId SkipOsShutdown',
  TerminateInstances: 'Force InstanceId SkipOsShutdown',
};

const known = new Map(Object.entries(names).map(([action, text]) => [action, new Set(text.split(/\s+/))]));
/** Parameters that every action has, and those of a signature in the query. */
const common = /^(?:Action|DryRun|Version|X-Amz-[A-Za-z0-9-]+)$/;
const version = '2016-11-15';

/** Throws NoSuchVersion or UnknownParameter, as EC2 does before it looks at anything else. What is nested is not looked at. */
export function checkParameterNames(action: string, parameters: Parameters): void {
  const asked = parameters.required('Version');
  if (asked !== version)
    throw new AwsError('NoSuchVersion', `The requested version (${asked}) of service AmazonEC2 does not exist`);
  const own = known.get(action);
  const unknown = parameters.names.find((name) => !common.test(name) && own?.has(name) === false);
  if (unknown !== undefined) throw new AwsError('UnknownParameter', `The parameter ${unknown} is not recognized`);
}

/** Names of the actions whose parameters are known. */
export const actionsWithParameters: readonly string[] = [...known.keys()];
