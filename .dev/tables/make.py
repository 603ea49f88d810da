"""Makes the tables of machine types and list prices from public data; see README.md beside this file."""

import argparse
import gzip
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PRICES = ROOT / "packages/provider/src/aws/offers/on-demand-prices.json"
TYPES = ROOT / "packages/sandbox/src/model/ec2/machine-types.json"

# The zones of the local cloud, by the ids that AWS gives them in us-east-1.
ZONES = {"use1-az4": "a", "use1-az6": "b", "use1-az1": "c"}
# All that has an accelerator, and what somebody would train on without one. The rest only makes the table long.
FAMILIES = """
    t2 t3 t3a t4g c5 m5 r5 c6i m6i r6i c6g m6g r6g c7i m7i r7i c7a m7a c7g m7g r7g c8g m8g r8g x2gd hpc7a hpc7g u7i-6tb mac2 mac1
    g4ad g4dn g5 g5g g6 g6e g6f gr6 gr6f g7 g7e p3dn p4d p4de p5 p5e p5en p6-b200 p6-b300 inf1 inf2 trn1 trn1n trn2 dl1 dl2q f2 vt1
""".split()


def read(folder, name):
    with gzip.open(pathlib.Path(folder) / name) as file:
        return json.load(file)


def prices(folder):
    regions, dates = {}, []
    for name in ("zz_generated.pricing_aws.go", "zz_generated.pricing_aws_us_gov.go"):
        text = (pathlib.Path(folder) / name).read_text()
        dates.append(re.search(r"generated at (\d{4}-\d\d-\d\d)", text).group(1))
        for region, body in re.findall(r'^\t"([a-z]+(?:-[a-z]+)+-\d)": \{\n(.*?)^\t\},?$', text, re.M | re.S):
            regions[region] = {kind: float(usd) for kind, usd in re.findall(r'"([\w.-]+)": ([\d.]+)', body)}
    return {
        "source": "EC2 list prices for Linux on demand, as Karpenter keeps them (Apache-2.0): pkg/providers/pricing",
        "date": min(dates),
        "usdPerHour": regions,
    }


def devices(entries, keys):
    return [[entry.get(key) for key in keys] + [entry.get("MemoryInfo", {}).get("SizeInMiB", 0)] for entry in entries]


def row(kind, offered_in, usd):
    cpu, processor = kind["VCpuInfo"], kind["ProcessorInfo"]
    made = {
        "vcpus": cpu["DefaultVCpus"],
        "cores": cpu.get("DefaultCores", cpu["DefaultVCpus"]),
        "memoryMib": kind["MemoryInfo"]["SizeInMiB"],
        "architectures": processor["SupportedArchitectures"],
        "markets": kind["SupportedUsageClasses"],
        "zones": offered_in,
        "usd": usd,
        "network": kind["NetworkInfo"]["NetworkPerformance"],
        "hypervisor": kind.get("Hypervisor"),
        "current": kind["CurrentGeneration"],
        "burstable": kind["BurstablePerformanceSupported"],
        "bareMetal": kind["BareMetal"],
        "localDiskGb": kind.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
        "gpus": devices(kind.get("GpuInfo", {}).get("Gpus", []), ["Manufacturer", "Name", "Count"]),
        "neuron": devices(kind.get("NeuronInfo", {}).get("NeuronDevices", []), ["Name", "Count"]),
        "inference": devices(
            kind.get("InferenceAcceleratorInfo", {}).get("Accelerators", []), ["Manufacturer", "Name", "Count"]
        ),
        "media": devices(kind.get("MediaAcceleratorInfo", {}).get("Accelerators", []), ["Manufacturer", "Name", "Count"]),
        "fpgas": devices(kind.get("FpgaInfo", {}).get("Fpgas", []), ["Manufacturer", "Name", "Count"]),
    }
    return {key: value for key, value in made.items() if value not in ([], None, False, 0)}


def types(newer, older, usd):
    rows = {}
    for resources in (older, newer):
        offered = {}
        for offering in read(resources, "instance_type_offerings/availability-zone-id/us-east-1.json.gz"):
            offered.setdefault(offering["InstanceType"], set()).add(ZONES.get(offering["Location"], ""))
        for name, kind in read(resources, "instance_types.json.gz").items():
            if name.rpartition(".")[0] in FAMILIES:
                rows[name] = row(kind, "".join(sorted(offered.get(name, set()))), usd.get(name))
    return {
        "source": "EC2 DescribeInstanceTypes and DescribeInstanceTypeOfferings of us-east-1, as moto 5.2.5 keeps them (Apache-2.0); g4ad and dl1 as 5.2.1 does",
        "date": "2026-10",
        "types": dict(sorted(rows.items())),
    }


def write(path, table, rows):
    """One line a row, so that a change shows as what it is."""
    head = {key: value for key, value in table.items() if key != rows}
    lines = [json.dumps(head)[:-1] + f', "{rows}": {{']
    items = list(table[rows].items())
    for at, (key, value) in enumerate(items):
        lines.append(f"  {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" + ("," if at < len(items) - 1 else ""))
    path.write_text("\n".join(lines) + "\n}}\n")
    print(path, len(items), "rows", path.stat().st_size, "bytes")


parser = argparse.ArgumentParser()
for flag in ("--moto", "--older-moto", "--karpenter"):
    parser.add_argument(flag, required=True)
given = parser.parse_args()
table = prices(given.karpenter)
write(PRICES, table, "usdPerHour")
write(TYPES, types(given.moto, given.older_moto, table["usdPerHour"]["us-east-1"]), "types")
