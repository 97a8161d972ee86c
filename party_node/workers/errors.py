"""What goes wrong with workers: neither is the job's fault, so the node tries again.

As in `party_node/errors.py`: the first sentence is what a user reads, `code` is stable, `hint` says
what to do.
"""

from party_node.errors import NodeError


class WorkerLost(NodeError):
    """A process that computes for this node ended before it had answered."""

    code = "worker-lost"
    hint = "nothing is lost and the node goes on trying; see whether memory ran out"


class WorkersUnavailable(NodeError):
    """The workers that compute for this node cannot be used."""

    code = "workers-unavailable"
    hint = "check `workers` and `ray_address`; the node goes on trying"
