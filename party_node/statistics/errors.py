"""What can go wrong with a release of this party's own statistics."""

from party_node.errors import NodeError


class PeopleChanging(NodeError):
    """Consent changed several times while the answer was being computed, so none is given."""

    code = "people-changing"
    hint = "ask again; the price that was charged is spent"


class UnknownRelease(NodeError):
    """There is no release of that name here."""

    code = "unknown-release"
    hint = "`accord releases list` shows the releases of this node"
