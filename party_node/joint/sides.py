"""What each side keeps of a joint job, sealed, one file each: with it later people are scored by
the same model. There is no person in it; a basis has quantiles and categories (`joint/basis.py`),
trees have means over many people (`joint/trees.py`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from party_node.sealed_files import SealedFiles
from party_node.vault import Vault
from protocols.codec import Record
from protocols.joint.basis import Basis
from protocols.joint.kept import KeptJointModel
from protocols.joint.refining import Refinement


@dataclass(frozen=True, slots=True)
class ReceiverSide(Record):
    """What the receiver's columns stand for, and its model."""

    KIND: ClassVar[str] = "joint-receiver-side/1"
    job: str
    basis: Basis = field(repr=False)
    model: KeptJointModel = field(repr=False)


@dataclass(frozen=True, slots=True)
class SenderSide(Record):
    """What the sender's columns stand for, and the weights that it was shown."""

    KIND: ClassVar[str] = "joint-sender-side/1"
    job: str
    basis: Basis = field(repr=False)
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RefinedSide(ReceiverSide):
    """The same, where trees add to the scores of the model."""

    KIND: ClassVar[str] = "joint-refined-side/1"
    refinement: Refinement = field(repr=False)


Side = ReceiverSide | RefinedSide | SenderSide
_KINDS = (ReceiverSide, RefinedSide, SenderSide)


def sides_in(folder: Path, vault: Vault) -> SealedFiles[Side]:
    """Return what one node keeps of its joint jobs."""
    return SealedFiles(folder, vault, _KINDS, ".side", "joint-side")
