/** One thing that was asked of moto (e2e/support/moto_probes.py), and what moto is known to answer. */
export interface KnownAnswer {
  readonly what: string;
  readonly moto: string;
  /** What AWS does, for answers that are unlike it. */
  readonly aws?: string;
}

/** The version with which all of it was seen. */
export const seenWith = 'moto 5.2.5';

/** Unlike AWS: nothing of the product may be believed because moto takes it. docs/moto.md has the same for people. */
export const motoUntruths: readonly KnownAnswer[] = [
  {
    what: 'DeleteFleets with DryRun',
    moto: 'taken, and the fleet is deleted_running',
    aws: 'DryRunOperation, and nothing is deleted',
  },
  {
    what: 'DeleteFleets of a fleet that never was',
    moto: '500',
    aws: '200, with fleetIdDoesNotExist among the unsuccessful',
  },
  { what: 'CreateFleet twice with one ClientToken', moto: 'two fleets', aws: 'the first fleet again' },
  { what: 'a member of a maintain fleet is terminated', moto: 'not replaced', aws: 'replaced, minutes later' },
  { what: 'ModifyFleet', moto: '500', aws: 'changes the target' },
  { what: 'DescribeFleetHistory', moto: '500', aws: 'the events of 48 hours' },
  { what: 'GetSpotPlacementScores', moto: '500', aws: 'scores of 1 to 10' },
  { what: 'DescribeSpotPriceHistory', moto: 'one price for all: 0.00001', aws: 'a price of each pool' },
  { what: 'RunInstances of an image that does not exist', moto: 'taken', aws: 'InvalidAMIID.NotFound' },
  { what: 'AttachVolume of a volume that is attached', moto: 'taken', aws: 'VolumeInUse' },
  { what: 'DetachVolume by the volume alone', moto: '500', aws: 'detaches it' },
  {
    what: "GetParameter of Ubuntu's and the Deep Learning image",
    moto: 'ParameterNotFound, ParameterNotFound',
    aws: 'an image each',
  },
  { what: 'SendCommand to a machine that cannot run it', moto: 'Success at once', aws: 'InvalidInstanceId' },
  { what: 'DescribeInstanceInformation', moto: '500', aws: 'the machines whose agent has spoken' },
  { what: 'StartSession', moto: '500', aws: 'TargetNotConnected, or a session' },
  { what: 'SimulatePrincipalPolicy', moto: '500', aws: 'a decision for each action' },
  { what: 'ListServiceQuotas of EC2', moto: '500', aws: 'quotas with names and codes' },
  { what: 'GetProducts', moto: '500', aws: 'prices' },
];

/** As AWS has it. */
export const motoTruths: readonly KnownAnswer[] = [
  { what: 'serves: an identity', moto: '123456789012' },
  { what: 'serves: a role once, and its instance profile', moto: 'probe, EntityAlreadyExists' },
  {
    what: 'serves: a repository and a login for it',
    moto: '123456789012.dkr.ecr.us-east-1.amazonaws.com/probe, 1 login',
  },
  { what: 'serves: dry runs of what launches', moto: 'DryRunOperation, DryRunOperation' },
  { what: "serves: types and zones from AWS's own data", moto: '4 A10G, offered: g5.xlarge' },
  { what: 'serves: a volume from a snapshot', moto: '1 GiB of the snapshot' },
  { what: 'serves: an object only once with If-None-Match', moto: 'taken, PreconditionFailed' },
];
