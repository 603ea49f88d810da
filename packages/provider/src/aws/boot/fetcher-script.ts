import { FORMAT_VERSION } from '@runctl/protocol';

/**
 * The part of the boot that needs more than a shell: signed requests to S3 and EC2 with the instance's role, in Python's
 * standard library alone, since Python is there wherever cloud-init is. Kept plain and small: user data ends at 16 KiB.
 * `@DOMAIN@` stands for the domain of AWS's endpoints in the region.
 *
 *     boot.py fetch KEY SHA256 FILE [gunzip]    download, verify, then rename into place; 3 after a refusal that lasts
 *     boot.py failed STAGE MESSAGE CODE         boot/<launch>-<machine>.json; the third one ends the fleet, and the first
 *                                               whose CODE is 3, or whose report is refused for good, or can't be given
 *
 * A refusal lasts: a bucket or an object that is not there (404, 301) at once, a right that is missing (403) after five minutes.
 * A report that meets trouble (time-outs, 5xx) while EC2 answers is tried for 35 minutes, as long as three boots may take, before
 * the launch ends without one: machines that nobody can count would go on coming, and an outage of the bucket is mostly over by
 * then. Else nothing is tried for longer than five minutes: where the fleet can't be ended the machine powers off after some ten
 * minutes, and the next one costs as much as this one did. Each try of the fleet's end is a new chance for a right that comes late.
 */
export const fetcherScript = String.raw`
import datetime, email.utils, hashlib, hmac, json, os, sys, time, zlib
import urllib.error, urllib.parse, urllib.request

E = os.environ
BUCKET, PREFIX, REGION = E["RUNCTL_BUCKET"], E["RUNCTL_PREFIX"], E["RUNCTL_REGION"]
RUN, LAUNCH = E["RUNCTL_RUN"], int(E["RUNCTL_LAUNCH"])
PATIENCE = float(E["RUNCTL_REFUSED_S"])
TROUBLE = max(5, PATIENCE * 0.4)  # two minutes on a real machine
DOMAIN = "@DOMAIN@"
IMDS = E.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
skew = 0.0
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Lasting(Exception):
    """A refusal that no waiting mends."""


def imds(path):
    try:
        ask = urllib.request.Request(IMDS + "/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"})
        token = direct.open(ask, timeout=3).read().decode()
        return direct.open(urllib.request.Request(IMDS + "/latest/" + path, headers={"X-aws-ec2-metadata-token": token}), timeout=3).read().decode()
    except urllib.error.HTTPError as error:  # a role or a tag may come late: no answer of AWS's services
        raise RuntimeError("IMDS has no %s (%s)" % (path, error.code))


def credentials():
    role = imds("meta-data/iam/security-credentials/").split()[0]
    return json.loads(imds("meta-data/iam/security-credentials/" + role))


def endpoint(service):
    return (E.get("AWS_ENDPOINT_URL_" + service.upper()) or E.get("AWS_ENDPOINT_URL") or "").rstrip("/")


def call(service, method, url, body=b"", headers=None):
    global skew
    keys, parts = credentials(), urllib.parse.urlsplit(url)
    at = datetime.datetime.fromtimestamp(time.time() + skew, datetime.timezone.utc)
    day, stamp, digest = at.strftime("%Y%m%d"), at.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
    signed = {k.lower(): v for k, v in (headers or {}).items()}
    signed.update({"host": parts.netloc, "x-amz-date": stamp, "x-amz-content-sha256": digest, "x-amz-security-token": keys["Token"]})
    names = ";".join(sorted(signed))
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    canonical = "\n".join([method, parts.path or "/", query] + [k + ":" + signed[k] for k in sorted(signed)] + ["", names, digest])
    scope = "/".join([day, REGION, service, "aws4_request"])
    key = ("AWS4" + keys["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signed["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        keys["AccessKeyId"], scope, names, hmac.new(key, text.encode(), hashlib.sha256).hexdigest())
    request = urllib.request.Request(url, data=body or None, method=method, headers={k: v for k, v in signed.items() if k != "host"})
    try:
        return urllib.request.urlopen(request, timeout=min(30, TROUBLE))
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")
        if ("RequestTimeTooSkewed" in detail or "RequestExpired" in detail) and error.headers["Date"]:
            skew = email.utils.parsedate_to_datetime(error.headers["Date"]).timestamp() - time.time()
        error.detail = detail
        raise


def s3(method, key, body=b"", headers=None, query=""):
    base = endpoint("s3")
    own = "https://s3.{1}.{2}/{0}" if "." in BUCKET else "https://{0}.s3.{1}.{2}"  # the certificate covers no dot
    base = base + "/" + BUCKET if base else own.format(BUCKET, REGION, DOMAIN)
    return call("s3", method, base + "/" + urllib.parse.quote(PREFIX + key if key else "", safe="/-_.~") + query, body, headers)


def reason(error):
    return "%s %s" % (error, getattr(error, "detail", "")[:300])


def persist(what, attempt, seconds):
    began, pause = time.monotonic(), 0.5
    while True:
        try:
            return attempt()
        except Exception as error:  # the network, the role or a name may need a moment after boot
            code, words = getattr(error, "code", None), "%s: %s" % (what, reason(error))
            # Rights that were just given take minutes; a bucket or an object that is not there does not come.
            late = time.monotonic() + pause > began + (PATIENCE if code == 403 else seconds)
            if code in (301, 404) or (late and code == 403):
                raise Lasting(words)
            if late:
                raise RuntimeError(words)
            print("boot: %s; trying again" % words, flush=True)
            time.sleep(pause)
            pause = min(pause * 2, 15)


def fetch(key, sha256, path, gunzip):
    def once():
        body, digest, part = s3("GET", key), hashlib.sha256(), path + ".part"
        inflate = zlib.decompressobj(31) if gunzip else None
        with open(part, "wb") as out:
            for chunk in iter(lambda: body.read(1 << 20), b""):
                digest.update(chunk)
                out.write(inflate.decompress(chunk) if inflate else chunk)
            out.write(inflate.flush() if inflate else b"")
        if digest.hexdigest() != sha256:
            os.unlink(part)
            raise RuntimeError("sha256 is %s, expected %s" % (digest.hexdigest(), sha256))
        os.chmod(part, 0o755)
        os.replace(part, path)
    persist("fetching s3://%s/%s%s" % (BUCKET, PREFIX, key), once, TROUBLE)


def now():
    return datetime.datetime.fromtimestamp(time.time() + skew, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def put(key, document):
    body = (json.dumps(document) + "\n").encode()
    try:
        s3("PUT", key, body, {"if-none-match": "*", "content-type": "application/json"})
    except urllib.error.HTTPError as error:
        if error.code != 412:
            raise


def failed(stage, message, lasting):
    instance, boots = imds("meta-data/instance-id"), 0
    try:
        put("runs/%s/boot/%04d-%s.json" % (RUN, LAUNCH, instance), {
            "version": ${FORMAT_VERSION}, "run": RUN, "launch": LAUNCH, "machineId": instance, "stage": stage, "message": message[:1000], "at": now()})
        boots = s3("GET", "", query="?" + urllib.parse.urlencode(
            {"list-type": "2", "prefix": "%sruns/%s/boot/%04d-" % (PREFIX, RUN, LAUNCH)})).read().decode().count("<Key>")
    except Exception as error:
        if not lasting:
            raise
        print("boot: no report: %s" % reason(error), flush=True)
    if lasting or boots >= 3:
        end_launch(instance, "no machine can begin" if lasting else "%d boots failed before the agent started" % boots, stage, message)


def delete_fleet(**more):
    fleet = imds("meta-data/tags/instance/aws:ec2:fleet-id")
    form = dict(more, Action="DeleteFleets", Version="2016-11-15", TerminateInstances="false", **{"FleetId.1": fleet})
    return fleet, call("ec2", "POST", (endpoint("ec2") or "https://ec2.%s.%s" % (REGION, DOMAIN)) + "/", urllib.parse.urlencode(form).encode(),
                       {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}).read().decode()


def ec2_answers():
    try:
        delete_fleet(DryRun="true")
    except Exception as error:
        return hasattr(error, "code")  # a dry run is answered by an error
    return True


def report(stage, message, code):
    lasting = code == "3"
    for patience in (PATIENCE, PATIENCE * 6):
        try:
            return persist("reporting the failed boot", lambda: failed(stage, message, lasting), patience)
        except Lasting as error:  # a bucket that takes no report takes nothing
            if lasting:
                raise
            print("boot: %s" % error, flush=True)
            break
        except RuntimeError as error:
            if lasting or not ec2_answers():
                raise
            print("boot: %s" % error, flush=True)
    persist("ending the launch", lambda: failed(stage, message, True), PATIENCE)


def end_launch(instance, what, stage, message):
    try:
        put("runs/%s/launches/%04d/outcome.json" % (RUN, LAUNCH), {
            "version": ${FORMAT_VERSION}, "run": RUN, "launch": LAUNCH, "status": "failed", "cause": "boot-failed", "exitCode": None, "signal": None,
            "message": "%s; the last one at '%s': %s" % (what, stage, message[:500]),
            "step": None, "durableStep": None, "generation": None, "at": now(), "nonce": "boot-" + instance})
    except Exception as error:  # whoever refuses it refuses every machine of this launch
        print("boot: no outcome: %s" % reason(error), flush=True)
    fleet, answer = delete_fleet()
    deleted = answer.split("<successfulFleetDeletionSet>")[-1].split("</successfulFleetDeletionSet>")[0]
    if fleet not in deleted and "fleetNotInDeletableState" not in answer:
        raise RuntimeError("fleet %s was not deleted: %s" % (fleet, answer[:500]))
    print("boot: %s; fleet %s is deleted" % (what, fleet), flush=True)


try:
    if sys.argv[1] == "fetch":
        fetch(sys.argv[2], sys.argv[3], sys.argv[4], "gunzip" in sys.argv[5:])
    else:
        report(*sys.argv[2:5])
except Lasting as error:
    print(error, file=sys.stderr)
    sys.exit(3)
except Exception as error:
    sys.exit("%s" % error)
`.trimStart();
