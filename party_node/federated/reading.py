"""The people of a round, as codes and labels, and which of them are held out to judge the model.

Codes follow from the public bins of the question, so that nothing of this party's people shows in
how they are encoded. A tenth of the people train nothing: by them this party judges the model, for
itself alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap

from party_node.lookalike.reading import read_features
from party_node.people_sets import are_among
from party_node.permission import Permission
from party_node.row_file import RowFile
from party_node.services import Services
from protocols.federated.asked import Federated, bins_of
from protocols.federated.learning import People
from protocols.lookalike.encoding import Bins, encode_rows
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.leakage import check_column

HELD_OUT_OF = 10
"""One person of so many is held out."""
SALT_BYTES = 8
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of permitted people whose label is known."""

    training: People
    held_out: People


def read(
    services: Services,
    permission: Permission,
    people: BitMap | FrozenBitMap,
    asked: Federated,
    salt: bytes,
) -> Read:
    """Read these permitted people. `salt` chooses who is held out: the same ones in all rounds.

    Raises: MissingColumn, MisfitColumn, LeakyColumn, DatasetUnreadable, DatasetChanged.
    """
    label = Feature(asked.label.column, FeatureKind.CATEGORICAL, categories=asked.label.positive)
    wanted = FeatureSpecification((*asked.features.features, label))

    def work(file: RowFile, whose: Numbers) -> tuple[Numbers, Any]:
        here = np.unique(whose)
        persons = here[are_among(here, people)]
        return persons, read_features(file, whose, persons, wanted)

    persons, columns = services.datasets.over_rows(permission, work)
    for feature in asked.features.features:
        check_column(feature.column, columns[feature.column])
    codes = encode_rows(bins_of(asked.features), columns)
    said = Bins(label, None, label.categories).encode(columns[label.column])
    known = said <= len(label.categories)
    labels = (said < len(label.categories)).astype(np.uint8)
    out = _is_held_out(persons, salt)
    return Read(
        People(codes[known & ~out], labels[known & ~out]),
        People(codes[known & out], labels[known & out]),
    )


def _is_held_out(persons: Numbers, salt: bytes) -> NDArray[np.bool_]:
    """Scatter people by a hash (SplitMix64 over number and salt). No secret hangs on it."""
    mixed = persons.astype(np.uint64) * np.uint64(2) + np.uint64(1)
    mixed ^= np.uint64(int.from_bytes(salt, "little"))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed % np.uint64(HELD_OUT_OF) == 0)
