"""How federated training ends early."""

from protocols.errors import LocalError, PeerError


class TooFewPartners(PeerError):
    """Fewer partners took part in a round than the agreed threshold, so nothing was opened."""

    code = "too-few-partners"


class TrainingNotSettled(LocalError):
    """The local model was not found to the accuracy that its noise was priced for."""

    code = "training-not-settled"
