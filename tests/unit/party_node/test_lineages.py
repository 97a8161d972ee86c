"""The same people are one lineage under every name; other people are not."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from party_node.budget_tables import LineageRow
from party_node.errors import RowChanged, UnknownDataset
from party_node.lineages import Lineages, lineage_of, names_of
from tests.support.node import NodeStorage, open_storage, write_csv


@pytest.fixture
def node(tmp_path: Path) -> NodeStorage:
    return open_storage(tmp_path)


def joined(node: NodeStorage, dataset: str, people: BitMap) -> str:
    node.clock.advance(1)
    with node.db.writing() as session:
        return Lineages(node.vault, node.clock).join(session, dataset, people)


def named(node: NodeStorage, dataset: str) -> str:
    with node.db.reading() as session:
        return lineage_of(session, dataset)


def test_a_new_name_over_the_same_people_opens_no_new_budget(node: NodeStorage) -> None:
    assert joined(node, "customers", BitMap(range(100))) == "customers"
    assert joined(node, "customers-2", BitMap(range(100))) == "customers"
    assert joined(node, "strangers", BitMap(range(1_000, 1_100))) == "strangers"
    with node.db.reading() as session:
        assert names_of(session, "customers") == {"customers", "customers-2"}


@pytest.mark.parametrize(("shared", "one"), [(9, False), (10, True)])
def test_a_tenth_of_the_smaller_is_enough(node: NodeStorage, shared: int, one: bool) -> None:
    joined(node, "customers", BitMap(range(1_000)))
    new = BitMap(range(1_000 - shared, 1_100 - shared))
    assert (joined(node, "others", new) == "customers") is one


def test_a_file_that_is_emptied_and_filled_under_another_name_begins_nothing(
    node: NodeStorage,
) -> None:
    joined(node, "customers", BitMap(range(100)))
    assert joined(node, "customers", BitMap(range(5_000, 5_100))) == "customers"
    assert joined(node, "fresh", BitMap(range(100))) == "customers"


def test_a_file_cut_into_pieces_begins_nothing(node: NodeStorage) -> None:
    joined(node, "customers", BitMap(range(1_000)))
    pieces = [joined(node, f"p{n}", BitMap(range(n * 10, n * 10 + 10))) for n in range(5)]
    assert set(pieces) == {"customers"}


def test_a_file_that_spans_two_lineages_makes_them_one(node: NodeStorage) -> None:
    joined(node, "uk", BitMap(range(100)))
    joined(node, "fr", BitMap(range(500, 600)))
    joined(node, "fr-archive", BitMap(range(500, 600)))
    assert joined(node, "europe", BitMap(range(600))) == "uk"
    assert {named(node, d) for d in ("uk", "fr", "fr-archive", "europe")} == {"uk"}


def test_nobody_is_the_lineage_of_nobody(node: NodeStorage) -> None:
    joined(node, "empty", BitMap())
    assert joined(node, "empty-too", BitMap()) == "empty-too"
    with pytest.raises(UnknownDataset):
        named(node, "never")


def test_an_erased_person_is_taken_out(node: NodeStorage) -> None:
    joined(node, "customers", BitMap([1, 2, 3]))
    with node.db.writing() as session:
        Lineages(node.vault, node.clock).forget(session, BitMap([2]))
        row = session.get_one(LineageRow, "customers")
        held = BitMap.deserialize(node.vault.open("dataset-lineage/customers", row.people))
    assert held == BitMap([1, 3])


def test_a_lineage_that_was_cut_off_in_the_database_is_refused(node: NodeStorage) -> None:
    joined(node, "customers", BitMap(range(100)))
    joined(node, "again", BitMap(range(100)))
    with node.db.connection() as connection:
        connection.exec_driver_sql("UPDATE dataset_lineages SET lineage = dataset")
    with pytest.raises(RowChanged):
        named(node, "again")


def test_registering_a_file_takes_its_people_up(node: NodeStorage, tmp_path: Path) -> None:
    node.datasets.on_registered.append(Lineages(node.vault, node.clock).join)
    lines = [f"k{n},p{n}@x.example" for n in range(20)]
    for dataset in ("customers", "loyalty"):
        node.clock.advance(1)
        path = write_csv(tmp_path / f"{dataset}.csv", "id,email", *lines)
        node.datasets.register(dataset, path, "id", "email", None, None)
    assert named(node, "loyalty") == "customers"


people = st.sets(st.integers(0, 40), max_size=20).map(BitMap)
files = st.lists(st.tuples(st.sampled_from("abcd"), people), min_size=1, max_size=8)


@settings(max_examples=12)
@given(files)
def test_lineages_only_grow_together_whatever_is_registered(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, BitMap]]
) -> None:
    """No two datasets part again, and any two that share a tenth of their people are one."""
    node = open_storage(tmp_path_factory.mktemp("n"))
    ever: dict[str, BitMap] = {}
    together: set[frozenset[str]] = set()
    for dataset, people in files:
        joined(node, dataset, people)
        ever[dataset] = ever.get(dataset, BitMap()) | people
        now = {name: named(node, name) for name in ever}
        pairs = {frozenset((a, b)) for a in ever for b in ever if now[a] == now[b]}
        assert together <= pairs
        together = pairs
        for a in ever:
            for b in ever:
                both = len(ever[a] & ever[b])
                if both and both * 10 >= min(len(ever[a]), len(ever[b])):
                    assert now[a] == now[b]
    node.db.close()
