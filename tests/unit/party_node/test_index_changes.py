"""Who has a new identifier when a file is registered again, or two records become one."""

import pytest
from pyroaring import BitMap

from tests.support.node import open_storage, write_csv

HEADER = "key,mail,tel"
BEFORE = ("a,anna@x.example,020 7946 0001", "b,bo@x.example,", "c,cy@x.example,")
ANNA, BO, CY = 0, 1, 2


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def told(node, tmp_path):
    """What is told after the first registration."""
    register(node, tmp_path, *BEFORE)
    found: list[BitMap] = []
    node.datasets.on_identified.append(lambda _, people: found.append(people))
    return found


def register(node, folder, *lines):
    path = write_csv(folder / "people.csv", HEADER, *lines)
    return node.datasets.register("people", path, "key", "mail", "tel", "GB")


@pytest.mark.parametrize(
    ("lines", "come"),
    [
        (BEFORE, []),
        (BEFORE[::-1], []),
        (("A,ANNA@X.example,+44 20 7946 0001", *BEFORE), []),
        (BEFORE[1:], []),
        ((BEFORE[0], "b,bo@x.example,020 7946 0002", BEFORE[2]), [BO]),
        ((*BEFORE, "z,anna@x.example,020 7946 0003"), [ANNA]),
        ((*BEFORE, "d,di@x.example,"), [3]),
    ],
    ids=["same", "reordered", "doubled", "fewer", "phone", "second-phone", "newcomer"],
)
def test_who_has_a_new_identifier_is_told(node, told, tmp_path, lines, come):
    register(node, tmp_path, *lines)
    assert told == [BitMap(come)]


def test_a_value_that_nobody_shares_any_more_is_new(node, tmp_path, told):
    """It identified nobody while two had it, and was left out: now it is brought."""
    register(node, tmp_path, *BEFORE, "x,,020 7946 0009", "b,bo@x.example,020 7946 0009")
    register(node, tmp_path, BEFORE[0], "b,bo@x.example,020 7946 0001", BEFORE[2])
    register(node, tmp_path, *BEFORE)
    assert ANNA in told[-1]


def test_a_record_that_takes_up_another_has_new_identifiers(node, told):
    node.datasets.reassign(CY, BO)
    assert BitMap([BO]) in told
    assert node.datasets.asked("people") == BitMap([ANNA, BO])
