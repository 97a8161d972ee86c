"""What each side keeps of a joint job, sealed, one file each: with it later people are scored by
the same model. There is no person in it; a basis has quantiles and categories (`joint/basis.py`),
trees have means over many people (`joint/trees.py`), and so have tables (`joint/tables.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from party_node.sealed_files import SealedFiles
from party_node.vault import Vault
from protocols.codec import Record
from protocols.joint.basis import Basis, Columns
from protocols.joint.card import About
from protocols.joint.cells import Cells
from protocols.joint.kept import KeptJointModel
from protocols.joint.refining import Refinement
from protocols.joint.tables import NONE, Tables


@dataclass(frozen=True, slots=True)
class ReceiverSide(Record):
    """What the receiver's columns stand for, and its model: of `joint-bfv/2` and `joint-cot/2`."""

    KIND: ClassVar[str] = "joint-receiver-side/1"
    job: str
    basis: Basis = field(repr=False)
    model: KeptJointModel = field(repr=False)


@dataclass(frozen=True, slots=True)
class SenderSide(Record):
    """What the sender's columns stand for, and the weights that it was shown: of the same."""

    KIND: ClassVar[str] = "joint-sender-side/1"
    job: str
    basis: Basis = field(repr=False)
    weights: tuple[int, ...]

    def columns(self, table: Mapping[str, Any], wide: int) -> Columns:
        """Return the columns of people as the model knows them, and of zeros: `wide` in all.

        `table` has an Arrow array for each feature. Raises: MisfitColumn.
        """
        base = self.basis.encode(table)
        return NONE.beside(base, np.zeros((len(base), 0), np.uint16), wide)


@dataclass(frozen=True, slots=True)
class RefinedSide(ReceiverSide):
    """The receiver's, where trees add to the scores of the model: of the same."""

    KIND: ClassVar[str] = "joint-refined-side/1"
    refinement: Refinement = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModelSide(ReceiverSide):
    """The receiver's, with what adds to the scores, if anything does, and what the sender's columns
    are about.
    """

    KIND: ClassVar[str] = "joint-model-side/1"
    refinement: Refinement | None = field(repr=False)
    about: About = field(repr=False)


@dataclass(frozen=True, slots=True)
class TabledSide(SenderSide):
    """The sender's, with the tables that it was shown, and the cells that these are about."""

    KIND: ClassVar[str] = "joint-tabled-side/1"
    cells: Cells = field(repr=False)
    tables: Tables = field(repr=False)
    about: About = field(repr=False)

    @override
    def columns(self, table: Mapping[str, Any], wide: int) -> Columns:
        """Return the same, with columns of tables."""
        cells = self.cells.look.cells_of(self.cells.encode(table))
        return self.tables.beside(self.basis.encode(table), cells, wide)


Side = ReceiverSide | RefinedSide | SenderSide
_KINDS = (ReceiverSide, RefinedSide, SenderSide, ModelSide, TabledSide)


def sides_in(folder: Path, vault: Vault) -> SealedFiles[Side]:
    """Return what one node keeps of its joint jobs."""
    return SealedFiles(folder, vault, _KINDS, ".side", "joint-side")
