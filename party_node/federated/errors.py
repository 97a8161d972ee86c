"""What a node refuses in federated training."""

from party_node.errors import NodeError


class AppRefused(NodeError):
    """The coordinator's Flower sent an app that this node does not run."""

    code = "app-refused"
    hint = "Both sides need the same version of Accord; nothing of the app was run"


class UnknownTraining(NodeError):
    """The node takes part in no such federated training."""

    code = "unknown-training"
    hint = "The job may have ended here, or was never agreed to"


class SuperNodeUnavailable(NodeError):
    """The SuperNode of the node cannot reach the coordinator in this way."""

    code = "supernode-unavailable"
    hint = "Enrol with the coordinator's https URL, without a path"
