"""What the node's interface and command refuse: wrong callers, wrong requests, wrong places.

As in `errors.py`: the first sentence is what a user reads, `code` is stable, `hint` says what to
do.
"""

from party_node.errors import NodeError


class Unauthorised(NodeError):
    """The request does not carry this node's token."""

    code = "unauthorised"
    hint = "send `Authorization: Bearer <the contents of the file token in the node's home>`"


class MalformedRequest(NodeError):
    """The request is not of the documented form."""

    code = "malformed-request"
    hint = "docs/reference/node-api.md describes every request"


class RequestTooLarge(NodeError):
    """The body is larger than this interface takes."""

    code = "request-too-large"
    hint = "large data goes in by file: name its path on the node's machine"


class UnknownRoute(NodeError):
    """There is nothing at this path."""

    code = "unknown-route"
    hint = "docs/reference/node-api.md lists every path"


class MethodNotAllowed(NodeError):
    """The path does not know this method."""

    code = "method-not-allowed"
    hint = "docs/reference/node-api.md lists every path with its methods"


class ForeignOrigin(NodeError):
    """The form was not sent from a page of this node."""

    code = "foreign-origin"
    hint = "open the console itself, and send the form from there"


class UnknownHost(NodeError):
    """The request was sent to a name that is not this node's."""

    code = "unknown-host"
    hint = "use its address, or add the name to the setting `public_hosts`"


class Internal(NodeError):
    """Something went wrong inside the node."""

    code = "internal"
    hint = "the node's log has the rest under this id"


class AlreadyServed(NodeError):
    """Another process is using this node's home folder."""

    code = "already-served"
    hint = "stop the other process first; a ledger has one writer"


class AddressInUse(NodeError):
    """The node cannot listen at the address that its settings name."""

    code = "address-in-use"
    hint = "free the port, or set another with ACCORD_NODE_LISTEN_PORT (0 takes any free one)"


class NodeNotRunning(NodeError):
    """The node is not running."""

    code = "node-not-running"
    hint = "start it with `accord node serve`"


class InvitationUnreadable(NodeError):
    """The token is no invitation for this node."""

    code = "invitation-unreadable"
    hint = "copy the whole token, from `accord-invite:` on; it is made out to one party"


class CoordinatorMismatch(NodeError):
    """The coordinator is not the one that the invitation names."""

    code = "coordinator-mismatch"
    hint = "do not go on: ask the coordinator's operator for the right address and a new invitation"


class WireMismatch(NodeError):
    """The coordinator speaks another version of the wire."""

    code = "wire-mismatch"
    hint = "install the release of Accord that the coordinator's operator runs"


class BenchmarksMissing(NodeError):
    """The benchmarks are not part of this installation."""

    code = "benchmarks-missing"
    hint = "run them in a source tree: `make bench`"


class BenchRefused(NodeError):
    """What was asked for cannot be measured."""

    code = "bench-refused"
    hint = "see `accord bench psi --help`, or `sums` or `lookalike` in place of `psi`"


class BenchFailed(NodeError):
    """The measurement did not come to its end."""

    code = "bench-failed"
    hint = "run it again; with --keep and an empty folder its logs stay there"
