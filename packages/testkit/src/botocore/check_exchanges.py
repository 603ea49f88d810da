"""Holds recorded AWS exchanges against botocore's service models, answers with botocore's own parsers.

Usage: check_exchanges.py FILE        FILE is what `runctl sandbox serve --record FILE` wrote

Prints one JSON object: botocore's version, how often each operation was checked, and what does not fit its model.
"""

import collections
import json
import sys
import urllib.parse

import botocore
import botocore.awsrequest
import botocore.session
import botocore.utils
import botocore.validate

import strict_parsers
import wire_values

# The name in a signature's scope, where the model's folder has another one.
MODEL_NAMES = {"servicequotas": "service-quotas"}
# Errors that every operation may answer, and so none of them lists.
COMMON_ERRORS = {
    "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InternalFailure", "InvalidSignatureException",
    "MissingAuthenticationTokenException", "RequestExpired", "SerializationException", "ServiceUnavailable",
    "ThrottlingException", "UnknownOperationException", "UnrecognizedClientException", "ValidationException",
}
# Headers of the transport and of the signature, which no operation lists.
REQUEST_HEADERS = {
    "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-target", "x-amz-trailer", "x-amz-user-agent",
}
ANSWER_HEADERS = {"x-amz-request-id", "x-amz-id-2", "x-amz-bucket-region"}
CONDITIONS = {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}


class Unfit(Exception):
    """What a model does not allow; one argument for each thing."""


def query_of(exchange):
    return urllib.parse.parse_qsl(urllib.parse.urlsplit(exchange["url"]).query, keep_blank_values=True)


def named_operation(exchange, model):
    """Of the protocols that name their action, in a form or in X-Amz-Target."""
    protocol = model.metadata["protocol"]
    if protocol == "json":
        prefix, _, name = exchange["headers"].get("x-amz-target", "").partition(".")
        if prefix != model.metadata["targetPrefix"]:
            raise Unfit("X-Amz-Target has the prefix %r, not %r" % (prefix, model.metadata["targetPrefix"]))
        return name
    if protocol not in ("ec2", "query"):
        raise Unfit("the protocol %s cannot be checked" % protocol)
    return dict(form_of(exchange)).get("Action", "")


def form_of(exchange):
    return query_of(exchange) + urllib.parse.parse_qsl(exchange["body"] or "", keep_blank_values=True)


def s3_operation(exchange, model):
    """The operation whose method, path and required parameters fit; of several, the one that asks for most."""
    path = urllib.parse.urlsplit(exchange["url"]).path.lstrip("/")
    bucket, _, key = path.partition("/")
    shape_of_path = "/{Bucket}/{Key+}" if key else "/{Bucket}" if bucket else "/"
    query, best = dict(query_of(exchange)), (-1, None)
    for name in model.operation_names:
        operation = model.operation_model(name)
        uri, _, fixed = operation.http["requestUri"].partition("?")
        fixed = dict(urllib.parse.parse_qsl(fixed, keep_blank_values=True))
        # Two operations of one address: the older one is not what anybody means.
        if operation.deprecated or operation.http["method"] != exchange["method"] or uri != shape_of_path:
            continue
        if any(query.get(each) != value for each, value in fixed.items()):
            continue
        required = required_beside_the_path(operation)
        if all(each in query if where == "querystring" else each.lower() in exchange["headers"] for where, each in required):
            best = max(best, (len(fixed) + len(required), name), key=lambda found: found[0])
    return best[1]


def required_beside_the_path(operation):
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape is not None else []
    places = [(member.serialization.get("location"), member.serialization.get("name")) for member in members]
    return [place for place in places if place[0] in ("querystring", "header")]


def form_parameters(exchange, operation, model):
    pairs = [pair for pair in form_of(exchange) if pair[0] != "Action"]
    version = dict(pairs).get("Version")
    if version != model.metadata["apiVersion"]:
        raise Unfit("Version is %r, not %r" % (version, model.metadata["apiVersion"]))
    tree = wire_values.tree_of([pair for pair in pairs if pair[0] != "Version"])
    return wire_values.FormReader(model.metadata["protocol"]).structure(tree, operation.input_shape)


def rest_parameters(exchange, operation):
    """Parameters of an S3 request, from path, query, headers and an XML body."""
    shape, headers = operation.input_shape, exchange["headers"]
    bucket, _, key = urllib.parse.unquote(urllib.parse.urlsplit(exchange["url"]).path).lstrip("/").partition("/")
    fixed = urllib.parse.parse_qsl(operation.http["requestUri"].partition("?")[2], keep_blank_values=True)
    query = {name: value for name, value in query_of(exchange) if (name, value) not in fixed and not name.startswith("X-Amz-")}
    if query.pop("x-id", operation.name) != operation.name:
        raise Unfit("x-id names another operation")
    read, known = {}, set(REQUEST_HEADERS)
    for name, member in shape.members.items() if shape is not None else []:
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "uri":
            read[name] = {"Bucket": bucket, "Key": key}[name]
        elif where == "querystring" and wire in query:
            read[name] = wire_values.scalar(query.pop(wire), member)
        elif where == "header":
            known.add(wire.lower())
            if wire.lower() in headers:
                read[name] = wire_values.scalar(headers[wire.lower()], member)
    unknown = [name for name in headers if name.startswith(("x-amz-", "if-")) and name not in known and not name.startswith("x-amz-meta-")]
    if query or unknown:
        raise Unfit("%s has no parameter %s" % (operation.name, ", ".join(sorted([*query, *unknown]))))
    payload = shape.serialization.get("payload") if shape is not None else None
    if payload is not None and shape.members[payload].type_name == "structure" and exchange["body"]:
        parser = strict_parsers.strict_parser("rest-xml")
        read[payload] = parser.body_of(exchange["body"], shape.members[payload])
        raise_all(parser.problems)
    return read


def raise_all(problems):
    if problems:
        raise Unfit(*sorted(set(problems)))


def check_request(exchange, operation, model):
    protocol = model.metadata["protocol"]
    if protocol == "json":
        parameters = json.loads(exchange["body"] or "{}")
    elif protocol == "rest-xml":
        parameters = rest_parameters(exchange, operation)
    else:
        parameters = form_parameters(exchange, operation, model)
    fits(parameters, operation.input_shape)


def fits(value, shape):
    """Required members, unknown ones, types and ranges by botocore's validator, and values of closed lists."""
    if shape is None:
        if value:
            raise Unfit("nothing may be given, and there is %s" % ", ".join(value))
        return
    report = botocore.validate.ParamValidator().validate(value, shape)
    if report.has_errors():
        raise Unfit(report.generate_report())
    raise_all(list(wire_values.outside_enums(value, shape)))


def check_answer(exchange, operation, model):
    answer, shape = exchange["answer"], operation.output_shape
    if answer is None:
        return
    parser = strict_parsers.strict_parser(model.metadata["protocol"], shape)
    headers = botocore.awsrequest.HeadersDict(answer["headers"])
    body = (answer["body"] or "").encode()
    if answer["status"] in (200, 204, 206) and operation.name in ("CopyObject", "CompleteMultipartUpload", "UploadPartCopy") and b"<Error>" in body:
        return
    parsed = parser.parse({"status_code": answer["status"], "headers": headers, "body": body}, shape)
    raise_all(parser.problems)
    if answer["status"] >= 300:
        return check_error(parsed, exchange, operation)
    parsed.pop("ResponseMetadata", None)
    unknown = strict_parsers.unknown_headers(answer["headers"], shape, ANSWER_HEADERS)
    if model.metadata["protocol"] == "rest-xml" and unknown:
        raise Unfit("the answer has no header %s" % ", ".join(unknown))
    if shape is not None:
        fits(parsed, shape)


def check_error(parsed, exchange, operation):
    code = parsed.get("Error", {}).get("Code", "")
    if exchange["method"] == "HEAD" or exchange["answer"]["status"] == 304:
        return
    if not code or code == str(exchange["answer"]["status"]):
        raise Unfit("an error without a code")
    modelled = {each.error_code for each in operation.error_shapes} | {each.name for each in operation.error_shapes}
    if operation.service_model.metadata["protocol"] == "json" and code not in modelled | COMMON_ERRORS:
        raise Unfit("%s is not among its errors" % code)


def check(exchange, models):
    """Yields where it does not fit, and what of it."""
    service = MODEL_NAMES.get(exchange["service"], exchange["service"])
    name = "?"
    try:
        model = models(service)
        find = s3_operation if model.metadata["protocol"] == "rest-xml" else named_operation
        name = find(exchange, model)
        if name not in model.operation_names:
            raise Unfit("%s has no operation %s" % (service, name or "for %s %s" % (exchange["method"], exchange["url"])))
        operation = model.operation_model(name)
    except Exception as error:
        yield from ((service, name, "request", problem) for problem in reasons(error))
        return
    yield service, name, None, None
    try:
        check_request(exchange, operation, model)
    except Exception as error:
        yield from ((service, name, "request", problem) for problem in reasons(error))
    try:
        check_answer(exchange, operation, model)
    except Exception as error:
        yield from ((service, name, "answer", problem) for problem in reasons(error))


def reasons(error):
    return error.args if isinstance(error, Unfit) else ["%s: %s" % (type(error).__name__, error)]


def main(path):
    session = botocore.session.get_session()
    loaded = {}

    def models(service):
        if service not in loaded:
            loaded[service] = session.get_service_model(service)
        return loaded[service]

    checked, findings = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            for service, name, where, problem in check(json.loads(line), models):
                if problem is None:
                    checked["%s:%s" % (service, name)] += 1
                else:
                    findings[(service, name, where, problem)] += 1
    listed = [
        {"service": service, "operation": name, "where": where, "problem": problem, "times": times}
        for (service, name, where, problem), times in sorted(findings.items(), key=str)
    ]
    print(json.dumps({"botocore": botocore.__version__, "checked": dict(checked), "findings": listed}))


main(sys.argv[1])
