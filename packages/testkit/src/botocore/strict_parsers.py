"""botocore's parsers of answers, which also say what an answer holds beyond its model: botocore itself passes over that."""

from botocore.parsers import PROTOCOL_PARSERS


class XmlMembers:
    """Collects elements that no member has, wrong names of list items, and booleans that are none."""

    root = None

    def _handle_structure(self, shape, node):
        element = node[0] if isinstance(node, list) else node
        known = {
            self._member_key_name(member, name)
            for name, member in shape.members.items()
            if member.serialization.get("location") not in self.KNOWN_LOCATIONS
        }
        if self.root is not None and shape.name == self.root.name:
            known |= {"requestId", "ResponseMetadata"}
        for tag in {self._node_tag(child) for child in element} - known:
            self.problems.append("%s has no member %s" % (shape.name, tag))
        return super()._handle_structure(shape, node)

    def _handle_list(self, shape, node):
        if not shape.serialization.get("flattened") and not isinstance(node, (list, str)):
            # EC2's lists have items where the model names nothing.
            wanted = [shape.member.serialization["name"]] if "name" in shape.member.serialization else ["member", "item"]
            for tag in {self._node_tag(child) for child in node} - set(wanted):
                self.problems.append("an item of %s is called %s, not %s" % (shape.name, tag, wanted[0]))
        return super()._handle_list(shape, node)

    def _handle_boolean(self, shape, node):
        text = node if isinstance(node, str) else node.text
        if text not in ("true", "false"):
            self.problems.append("%s is %r, no boolean" % (shape.name, text))
        return super()._handle_boolean(shape, node)

    def body_of(self, text, shape):
        """An XML body as a value of `shape`."""
        root = self._parse_xml_string_to_dom(text)
        wanted = shape.serialization.get("name", shape.name)
        if self._node_tag(root) != wanted:
            self.problems.append("the body is a %s, not a %s" % (self._node_tag(root), wanted))
        return self._parse_shape(shape, root)


class JsonMembers:
    """Collects members that no shape has, and times that are no numbers."""

    root = None

    def _handle_structure(self, shape, value):
        known = {member.serialization.get("name", name) for name, member in shape.members.items()}
        for name in set(value or {}) - known:
            self.problems.append("%s has no member %s" % (shape.name, name))
        for name, given in (value or {}).items():
            if given is None:
                self.problems.append("%s.%s is null" % (shape.name, name))
        return super()._handle_structure(shape, value)

    def _handle_timestamp(self, shape, value):
        if not isinstance(value, (int, float)):
            self.problems.append("%s is %r, no number of seconds" % (shape.name, value))
        return super()._handle_timestamp(shape, value)


def strict_parser(protocol, root=None):
    members = JsonMembers if protocol == "json" else XmlMembers
    parser = type("Strict", (members, PROTOCOL_PARSERS[protocol]), {})()
    parser.problems, parser.root = [], root
    return parser


def unknown_headers(headers, shape, transport):
    """The names among `headers` that begin as AWS's own do and belong to no member."""
    members = shape.members.items() if shape is not None else []
    known = {member.serialization.get("name", name).lower() for name, member in members if member.serialization.get("location") == "header"}
    return sorted(
        name for name in headers if name.startswith("x-amz-") and name not in known | transport and not name.startswith("x-amz-meta-")
    )
