"""Rows that are made up for measuring, and what cannot be measured."""

import pytest

from party_node.bench import sums
from party_node.bench.made_rows import CHUNK_ROWS, SumsAsked, plain, write_rows
from party_node.bench.sums import read
from party_node.surface_errors import BenchRefused
from protocols.session import Role
from protocols.sums.layout import plain_sums, read_columns, read_vector


class Kept:
    """Takes the place of a chunk store."""

    def __init__(self):
        self.chunks = {}

    def keep(self, chunks):
        self.chunks |= chunks


def asked(**changes):
    words = {
        "rows": 10, "columns": 23, "route": "bfv", "entries": "one-hot", "bound": 100,
        "receiver": "vectors",
    }  # fmt: skip
    return read(**words | changes)


def test_columns_are_features_of_ten_codes_or_dense():
    assert asked().params().layout.one_hot == (10, 10, 3)
    assert asked(entries="dense").params().layout.dense == (100,) * 23
    assert asked().to_holder
    assert not asked(receiver="matrix").to_holder


@pytest.mark.parametrize("entries", ["one-hot", "dense"])
def test_the_plain_sums_are_those_of_the_rows_of_both_sides(entries):
    wanted = asked(rows=CHUNK_ROWS + 5, columns=12, entries=entries)
    sides = {role: Kept() for role in Role}
    for role, kept in sides.items():
        write_rows(wanted, role, kept)
    layout, total = wanted.params().layout, 0
    for i in range(2):
        vector = read_vector(layout, sides[Role.INITIATOR].chunks[f"vector/{i:05}"])
        dense, codes = read_columns(layout, sides[Role.RESPONDER].chunks[f"columns/{i:05}"])
        total = total + plain_sums(layout, vector, dense, codes)
    assert plain(wanted) == tuple(total.reshape(-1).tolist())
    assert len(plain(wanted)) == 12
    assert any(plain(wanted))


@pytest.mark.parametrize(
    "changes",
    [
        {"route": "pigeon"},
        {"entries": "sparse"},
        {"receiver": "nobody"},
        {"rows": -1},
        {"columns": 0},
        {"bound": 0, "entries": "dense"},
        {"rows": 2**28 + 1},
        {"columns": 2**14 + 1},
        {"bound": 2**31 - 1, "entries": "dense", "rows": 2**28},
    ],
)
def test_what_cannot_be_measured_is_refused(changes):
    with pytest.raises(BenchRefused) as refused:
        asked(**changes)
    assert refused.value.hint


def test_what_is_asked_crosses_a_line_of_json():
    import dataclasses
    import json

    wanted = asked(receiver="matrix")
    assert SumsAsked(**json.loads(json.dumps(dataclasses.asdict(wanted)))) == wanted


def test_words_for_people_say_what_was_measured():
    both = {"vectors": 1, "matrix": 2}
    found = {
        "protocol": "sums-bfv/1", "rows": 1000, "columns": 3, "entries": "dense",
        "receiver": "matrix", "wall_seconds": 1.5, "cpu_seconds_both_parties": 3.0,
        "cpu_seconds": both, "peak_mib": both,
        "bytes": {"from_vectors": 5_000_000, "from_matrix": 250_000}, "exact": True,
    }  # fmt: skip
    assert sums.heading(found) == (
        "sums-bfv/1, 1,000 rows × 3 dense columns, for the side with the matrix"
    )
    told = {name.strip(): value for name, value in sums.words(found)}
    assert told["MB from vectors to matrix"] == "5.00"
    assert told["MB from matrix to vectors"] == "0.25"
    assert (told["vectors"], told["matrix"]) == ("1.00", "2.00")
    assert told["exact"] == "yes"
    assert dict(map(tuple, sums.words(found | {"exact": False})))["exact"] == "NO"
