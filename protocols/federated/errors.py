"""How federated training ends early."""

from protocols.errors import LocalError, PeerError


class TooFewPartners(PeerError):
    """Fewer partners took part in a round than the agreed threshold, so nothing was opened."""

    code = "too-few-partners"


class TrainingOutdated(LocalError):
    """The training was begun by an earlier version of Accord, whose rounds added up other sums."""

    code = "training-outdated"
