"""The worked example of docs/concepts/matching.md, played with the files on the page."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyroaring import BitMap, FrozenBitMap

from party_node import results
from party_node.identity import NOBODY
from party_node.matchable import Matchable, matchable
from party_node.matching_input import Seat, lay_out
from protocols.psi import dh
from protocols.psi.dh import Cardinality, PsiParams, RowParams
from tests.support.node import open_storage, write_csv
from tests.support.pair import CTX, run_pair
from tests.support.seeded import seeded

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "matching.md"
ORDER = ("email", "phone", "idfa")


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table after `heading`, with its header line."""
    below = PAGE.read_text().split(heading, 1)[1].strip()
    rows = below.split("\n\n", 1)[0].splitlines()
    return [[c.strip() for c in r.strip("|").split("|")] for r in rows if "---" not in r]


class Side:
    """A party with the file that the page gives it."""

    def __init__(self, folder: Path, party: str) -> None:
        (folder / party).mkdir()
        node = open_storage(folder / party)
        rows = [",".join(row) for row in table(f"The {party}'s file:\n")]
        node.datasets.register(
            "people", write_csv(folder / f"{party}.csv", *rows), "key", "email", "phone", "GB",
            {"idfa": "idfa"},
        )  # fmt: skip
        index_id = node.datasets.index_id("people")
        self.index = pq.read_table(node.home.datasets / index_id / "index.parquet")
        self.dense = self.index["dense"].to_numpy()

    def held(self) -> Matchable:
        return matchable(self.index, ORDER, self.dense != NOBODY)

    def everybody(self) -> FrozenBitMap:
        return FrozenBitMap(self.dense[self.dense != NOBODY].astype(np.uint32))

    def keys(self, people: BitMap) -> str:
        rows = np.isin(self.dense, list(people))
        return ", ".join(str(k) for k, row in zip(self.index["key"], rows, strict=True) if row)


@pytest.mark.parametrize("receiver", ["publisher", "brand"])
def test_the_example_of_the_page_comes_out_as_it_says(tmp_path, receiver):
    sides = {party: Side(tmp_path, party) for party in ("publisher", "brand")}
    mine = sides.pop(receiver)
    (theirs,) = sides.values()
    for params, protocol in (
        (PsiParams(20_000, 512), dh.MEMBERS),
        (RowParams(20_000, 512, per_person=3), dh.CARDINALITY),
    ):
        laid = lay_out(mine.held(), params, Seat(0, 2), CTX, seeded("mine"))
        other = lay_out(theirs.held(), params, Seat(1, 2), CTX, seeded("theirs"))
        both = [[bytes(d) for d in side.digests] for side in (laid, other)]
        played = run_pair(protocol, params, CTX, *both)
        if protocol is dh.CARDINALITY:
            break
        order, matched = laid.people.astype("<u4").tobytes(), played.receiver.chunks["matched"]
        members = results.members(order, matched, mine.everybody())
        by = results.matched_by(order, laid.types.tobytes(), matched, members, ORDER)
    said = {row[0]: row[1:] for row in table("so Dan and b4 do not match.\n")}
    people, types = said[receiver]
    assert re.fullmatch(r"(\d+): .*", people)[1] == str(len(members))
    assert set(re.findall(r"[pb]\d", people)) == set(mine.keys(members).split(", "))
    assert types == ", ".join(f"{kind} {n}" for kind, n in by.items() if n)
    assert played.output == Cardinality(len(members))
