"""Values as a request carries them, read by the shapes of a model."""

import base64

import botocore.utils


def tree_of(pairs):
    """`A.1.B=x` as {"A": {"1": {"B": "x"}}}."""
    tree = {}
    for name, value in pairs:
        node, parts = tree, name.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError("%s is both a value and a structure" % name)
        if parts[-1] in node:
            raise ValueError("%s is given twice" % name)
        node[parts[-1]] = value
    return tree


def scalar(text, shape):
    """What `text` means for `shape`; ValueError where it means nothing."""
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name in ("float", "double"):
        return float(text)
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise ValueError("%s is %r, no boolean" % (shape.name, text))
        return text == "true"
    if shape.type_name == "timestamp":
        return botocore.utils.parse_timestamp(text)
    if shape.type_name == "blob":
        return base64.b64decode(text, validate=True)
    if shape.type_name == "list":
        return [scalar(each.strip(), shape.member) for each in text.split(",")]
    return text


class FormReader:
    """Parameters of a form; names as botocore's serializers of the protocols `ec2` and `query` write them."""

    def __init__(self, protocol):
        self.protocol = protocol

    def wire_name(self, shape, name):
        given = shape.serialization
        if self.protocol == "query":
            if shape.type_name == "list" and given.get("flattened"):
                return shape.member.serialization.get("name", given.get("name", name))
            return given.get("name", name)
        written = given.get("queryName") or given.get("name", name)
        return written if "queryName" in given or "name" not in given else written[0].upper() + written[1:]

    def value(self, node, shape):
        if shape.type_name == "structure":
            return self.structure(node, shape)
        if shape.type_name == "list":
            return self.list(node, shape)
        if isinstance(node, dict):
            raise ValueError("%s is no structure, and has %s" % (shape.name, ", ".join(node)))
        return scalar(node, shape)

    def structure(self, node, shape):
        """Unknown names are marked, for the validator to find: one may be a member's own name, which is another on the wire."""
        if shape is None:
            return node
        if not isinstance(node, dict):
            raise ValueError("%s is a structure, and is %r" % (shape.name, node))
        names = {self.wire_name(member, name): name for name, member in shape.members.items()}
        return {names.get(wire, "?" + wire): self.value(child, shape.members[names[wire]]) if wire in names else child for wire, child in node.items()}

    def list(self, node, shape):
        if not isinstance(node, dict):
            raise ValueError("%s is a list, and is %r" % (shape.name, node))
        if self.protocol == "query" and not shape.serialization.get("flattened"):
            wanted = shape.member.serialization.get("name", "member")
            if set(node) != {wanted}:
                raise ValueError("%s has %s where its members are called %s" % (shape.name, ", ".join(node), wanted))
            node = node[wanted]
        if set(node) != {str(number) for number in range(1, len(node) + 1)}:
            raise ValueError("%s is numbered %s" % (shape.name, ", ".join(node)))
        return [self.value(node[str(number)], shape.member) for number in range(1, len(node) + 1)]


def outside_enums(value, shape):
    """Yields each value that its shape's list does not have."""
    if shape.type_name == "structure":
        for name, child in value.items():
            if name in shape.members:
                yield from outside_enums(child, shape.members[name])
    elif shape.type_name == "list":
        for child in value:
            yield from outside_enums(child, shape.member)
    elif shape.type_name == "map":
        for child in value.values():
            yield from outside_enums(child, shape.value)
    elif shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        yield "%s is %r, which is none of its values" % (shape.name, value)
