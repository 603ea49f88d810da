"""Asks a moto server, through boto3, for what it is known to do unlike AWS, and for what it serves; prints one JSON object.

Usage: moto_probes.py ENDPOINT        each answer is short: what was seen, or the code of the error
"""

import datetime
import json
import sys

import boto3
import botocore.config
import botocore.exceptions
import botocore.parsers

endpoint = sys.argv[1]
config = botocore.config.Config(retries={"max_attempts": 0, "mode": "standard"})
AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
DLAMI = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"


def client(name):
    return boto3.client(
        name, endpoint_url=endpoint, region_name="us-east-1", config=config, aws_access_key_id="AKIAMOTO", aws_secret_access_key="secret"
    )


ec2, ssm, iam = client("ec2"), client("ssm"), client("iam")
probes = {}


def probe(title):
    return lambda function: probes.setdefault(title, function)


def code_of(function):
    """The code of the error that `function` meets; `taken` without one, and `500` for a page of the server's own."""
    try:
        function()
        return "taken"
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    except botocore.parsers.ResponseParserError:
        return "500"


image = ssm.get_parameter(Name=AL2023)["Parameter"]["Value"]
template = ec2.create_launch_template(LaunchTemplateName="probe", LaunchTemplateData={"ImageId": image, "InstanceType": "g5.xlarge"})
template_id = template["LaunchTemplate"]["LaunchTemplateId"]
fleet_request = {
    "Type": "maintain",
    "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": {"LaunchTemplateId": template_id, "Version": "1"}}],
    "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot", "SpotTargetCapacity": 1},
}


def new_fleet(**more):
    return ec2.create_fleet(**fleet_request, **more)["FleetId"]


def members(fleet):
    return [each["InstanceId"] for each in ec2.describe_fleet_instances(FleetId=fleet)["ActiveInstances"]]


def state_of(fleet):
    return ec2.describe_fleets(FleetIds=[fleet])["Fleets"][0]["FleetState"]


@probe("DeleteFleets with DryRun")
def dry_run_of_deletion():
    fleet = new_fleet()
    answer = code_of(lambda: ec2.delete_fleets(FleetIds=[fleet], TerminateInstances=False, DryRun=True))
    return "%s, and the fleet is %s" % (answer, state_of(fleet))


@probe("DeleteFleets of a fleet that never was")
def deletion_of_nothing():
    return code_of(lambda: ec2.delete_fleets(FleetIds=["fleet-00000000-0000-0000-0000-000000000000"], TerminateInstances=False))


@probe("CreateFleet twice with one ClientToken")
def token():
    return "one fleet" if new_fleet(ClientToken="once") == new_fleet(ClientToken="once") else "two fleets"


@probe("a member of a maintain fleet is terminated")
def replacement():
    fleet = new_fleet()
    ec2.terminate_instances(InstanceIds=members(fleet))
    left = [each for each in members(fleet) if ec2.describe_instances(InstanceIds=[each])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"]
    return "replaced" if left else "not replaced"


@probe("ModifyFleet")
def modify():
    return code_of(lambda: ec2.modify_fleet(FleetId=new_fleet(), TargetCapacitySpecification={"TotalTargetCapacity": 1}))


@probe("DescribeFleetHistory")
def history():
    now = datetime.datetime.now(datetime.timezone.utc)
    return code_of(lambda: ec2.describe_fleet_history(FleetId=new_fleet(), StartTime=now - datetime.timedelta(hours=1)))


@probe("GetSpotPlacementScores")
def scores():
    return code_of(lambda: ec2.get_spot_placement_scores(InstanceTypes=["g5.xlarge"], TargetCapacity=1))


@probe("DescribeSpotPriceHistory")
def prices():
    now = datetime.datetime.now(datetime.timezone.utc)
    found = ec2.describe_spot_price_history(InstanceTypes=["g5.xlarge", "p5.48xlarge"], StartTime=now)["SpotPriceHistory"]
    return "one price for all: %s" % found[0]["SpotPrice"] if len({each["SpotPrice"] for each in found}) == 1 else "several prices"


@probe("RunInstances of an image that does not exist")
def unknown_image():
    return code_of(lambda: ec2.run_instances(ImageId="ami-0123456789abcdef0", InstanceType="t3.micro", MinCount=1, MaxCount=1))


def volume_and_machine():
    machine = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
    zone = machine["Placement"]["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    ec2.attach_volume(Device="/dev/sdf", InstanceId=machine["InstanceId"], VolumeId=volume)
    return volume, machine["InstanceId"]


@probe("AttachVolume of a volume that is attached")
def attach_twice():
    volume, machine = volume_and_machine()
    return code_of(lambda: ec2.attach_volume(Device="/dev/sdg", InstanceId=machine, VolumeId=volume))


@probe("DetachVolume by the volume alone")
def detach():
    volume, _ = volume_and_machine()
    return code_of(lambda: ec2.detach_volume(VolumeId=volume))


@probe("GetParameter of Ubuntu's and the Deep Learning image")
def parameters():
    return ", ".join(code_of(lambda name=name: ssm.get_parameter(Name=name)) for name in (UBUNTU, DLAMI))


@probe("SendCommand to a machine that cannot run it")
def command():
    sent = ssm.send_command(InstanceIds=["i-0123456789abcdef0"], DocumentName="AWS-RunShellScript", Parameters={"commands": ["exit 7"]})
    answer = ssm.get_command_invocation(CommandId=sent["Command"]["CommandId"], InstanceId="i-0123456789abcdef0")
    return "%s at once" % answer["Status"]


@probe("DescribeInstanceInformation")
def information():
    return code_of(lambda: ssm.describe_instance_information())


@probe("StartSession")
def session():
    return code_of(lambda: ssm.start_session(Target="i-0123456789abcdef0"))


@probe("SimulatePrincipalPolicy")
def simulation():
    arn = "arn:aws:iam::123456789012:user/someone"
    return code_of(lambda: iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ec2:CreateFleet"]))


@probe("ListServiceQuotas of EC2")
def quotas():
    return code_of(lambda: client("service-quotas").list_service_quotas(ServiceCode="ec2"))


@probe("GetProducts")
def products():
    return code_of(lambda: client("pricing").get_products(ServiceCode="AmazonEC2"))


# What it serves as AWS does: the product is held to it.


@probe("serves: an identity")
def identity():
    return client("sts").get_caller_identity()["Account"]


@probe("serves: a role once, and its instance profile")
def roles():
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust)
    iam.create_instance_profile(InstanceProfileName="probe")
    iam.add_role_to_instance_profile(InstanceProfileName="probe", RoleName="probe")
    name = iam.get_instance_profile(InstanceProfileName="probe")["InstanceProfile"]["Roles"][0]["RoleName"]
    return "%s, %s" % (name, code_of(lambda: iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust)))


@probe("serves: a repository and a login for it")
def registry():
    ecr = client("ecr")
    uri = ecr.create_repository(repositoryName="probe")["repository"]["repositoryUri"]
    return "%s, %d login" % (uri, len(ecr.get_authorization_token()["authorizationData"]))


@probe("serves: dry runs of what launches")
def dry_runs():
    machine = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    answers = [code_of(lambda: ec2.create_fleet(**fleet_request, DryRun=True)), code_of(lambda: ec2.run_instances(**machine, DryRun=True))]
    return ", ".join(answers)


@probe("serves: types and zones from AWS's own data")
def types():
    found = ec2.describe_instance_types(InstanceTypes=["g5.xlarge"])["InstanceTypes"][0]
    offered = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["p3.2xlarge", "g5.xlarge"]}]
    )["InstanceTypeOfferings"]
    return "%s %s, offered: %s" % (
        found["VCpuInfo"]["DefaultVCpus"], found["GpuInfo"]["Gpus"][0]["Name"], ", ".join(sorted({each["InstanceType"] for each in offered}))
    )


@probe("serves: a volume from a snapshot")
def snapshots():
    volume, _ = volume_and_machine()
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    restored = ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=snapshot)
    return "%d GiB of the snapshot" % restored["Size"] if restored["SnapshotId"] == snapshot else "another"


@probe("serves: an object only once with If-None-Match")
def once():
    s3 = client("s3")
    s3.create_bucket(Bucket="probe")
    put = lambda: s3.put_object(Bucket="probe", Key="k", Body=b"x", IfNoneMatch="*")
    return "%s, %s" % (code_of(put), code_of(put))


def seen(function):
    answers = []
    error = code_of(lambda: answers.append(function()))
    return answers[0] if answers else "error %s" % error


print(json.dumps({title: seen(function) for title, function in probes.items()}))
