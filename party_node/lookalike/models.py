"""Models that this node has made, sealed, one file each: they score people later.

A model holds people of the population as points of comparison, without their identifiers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from party_node.sealed_files import SealedFiles
from party_node.vault import Vault
from protocols.codec import Record


@dataclass(frozen=True, slots=True)
class MadeModel(Record):
    """A model with the salt of the commitment that stands in the run receipt."""

    KIND: ClassVar[str] = "made-model/1"
    job: str
    salt: bytes
    """32 bytes."""
    model: bytes
    """As `protocols.lookalike.kept` writes it."""


def models_in(folder: Path, vault: Vault) -> SealedFiles[MadeModel]:
    """Return the models of one node."""
    return SealedFiles(folder, vault, (MadeModel,), ".model", "model", "made no model at this node")
