"""Models that were trained together with partners, as this node keeps them."""

from pathlib import Path

from party_node.sealed_files import SealedFiles
from party_node.vault import Vault
from protocols.federated.release import TrainedModel


def trained_in(folder: Path, vault: Vault) -> SealedFiles[TrainedModel]:
    """Return the common models that one node has a part in."""
    missing = "has trained no model here"
    return SealedFiles(folder, vault, (TrainedModel,), ".trained", "trained-model", missing)
