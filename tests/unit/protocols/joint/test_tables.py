"""Tables as columns, and on their way from the brand to the partner."""

import numpy as np
import pytest

from protocols.codec import decode, encode
from protocols.errors import (
    InvalidParameter,
    LocalError,
    MalformedMessage,
    PeerError,
    UnexpectedMessage,
)
from protocols.joint.looks import NOTHING, Look
from protocols.joint.records import ScoreParams, TableParams
from protocols.joint.tables import NONE, Table, Tables
from protocols.joint.telling import TABLES, TELLING, Listening, TablesGiven, Told
from protocols.joint.widths import UNIT
from protocols.session import Finish, Progress, Role, Wait
from tests.support.pair import CTX, Stalled, play
from tests.support.seeded import seeded

LOOK = Look((3, 4), (2, 2))
"""Numbers 0 and 1 are features of 3 and 4 cells, 2 is their pair, of 4."""
PARAMS = TableParams(LOOK, 2)
GOOD = Tables((Table(2, bytes([0, 32, 32, 0])), Table(0, bytes([32, 0, 7]))))

BAD = {
    "too many": (Table(0, bytes(3)), Table(1, bytes(4)), Table(2, bytes(4))),
    "a number twice": (Table(1, bytes(4)), Table(1, bytes([1, 2, 3, 4]))),
    "fewer entries": (Table(1, bytes(3)),),
    "more entries": (Table(0, bytes(4)),),
    "no entries": (Table(0, b""),),
    "an entry above 32": (Table(0, bytes([0, 33, 1])),),
    "what was not looked at": (Table(3, bytes(4)),),
    "a number far off": (Table(2**63, bytes(4)),),
    "a negative number": (Table(-1, bytes(4)),),
}


def nothing(name: str) -> bytes:
    raise LocalError(f"there is no {name}")


def told(message: bytes, params: TableParams = PARAMS):
    state = TELLING.begin(Role.RESPONDER, params, CTX, TablesGiven(9, NONE), seeded("x")).state
    return TELLING.resume(encode(state), message, nothing, seeded("y"))


# As columns


def test_a_column_has_the_entry_of_each_rows_cell():
    cells = np.array([[0, 3, 1], [2, 0, 3], [1, 1, 0]], np.uint16)
    assert GOOD.tables[0].column(cells).tolist() == [32, 0, 0]
    assert GOOD.tables[1].column(cells).tolist() == [32, 7, 0]


def test_columns_of_tables_lie_behind_the_others_and_zeros_behind_them():
    columns = np.arange(6, dtype=np.uint8).reshape(3, 2)
    cells = np.array([[0, 3, 1], [2, 0, 3], [1, 1, 0]], np.uint16)
    found = GOOD.beside(columns, cells, 6)
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 1, 32, 32, 0, 0], [2, 3, 0, 7, 0, 0], [4, 5, 0, 0, 0, 0]]
    assert np.array_equal(GOOD.beside(columns, cells, 4), found[:, :4])
    none = np.zeros((3, 0), np.uint16)
    assert NONE.beside(columns, none, 3).tolist() == [[0, 1, 0], [2, 3, 0], [4, 5, 0]]
    assert GOOD.beside(columns[:0], cells[:0], 6).shape == (0, 6)


def test_each_says_what_it_is_about():
    assert GOOD.about(LOOK) == [(0, 1), (0,)]
    assert NONE.about(NOTHING) == []


def test_they_cross_their_encoding():
    assert decode(Tables, encode(GOOD)) == GOOD


@pytest.mark.parametrize("tables", BAD.values(), ids=BAD)
def test_tables_that_do_not_fit_the_look_are_refused(tables):
    with pytest.raises(InvalidParameter):
        Tables(tables).check(LOOK, PARAMS.most)


def test_tables_that_fit_are_not():
    for tables in (NONE, GOOD, Tables(GOOD.tables[:1]), Tables((Table(0, bytes([UNIT] * 3)),))):
        tables.check(LOOK, PARAMS.most)
        assert told(encode(tables)).output == Told(9)
    NONE.check(NOTHING, 0)
    with pytest.raises(InvalidParameter):
        GOOD.check(NOTHING, 0)


# On their way


def test_both_sides_have_the_same_in_the_end():
    played = play(TELLING, PARAMS, CTX, [(TablesGiven(9, GOOD), {}), (TablesGiven(9, NONE), {})])
    for side in (played.receiver, played.sender):
        assert side.output == Told(9)
        assert decode(Tables, side.chunks[TABLES]) == GOOD
    assert played.sender.sent == []


@pytest.mark.parametrize("tables", BAD.values(), ids=BAD)
def test_a_peers_bad_tables_are_its_fault(tables):
    with pytest.raises(MalformedMessage):
        told(encode(Tables(tables)))


@pytest.mark.parametrize("tables", BAD.values(), ids=BAD)
def test_ones_own_bad_tables_are_a_fault_here(tables):
    given = TablesGiven(9, Tables(tables))
    with pytest.raises(InvalidParameter):
        TELLING.begin(Role.INITIATOR, PARAMS, CTX, given, seeded("x"))


def test_any_table_is_bad_where_nothing_is_looked_at():
    none = TableParams(NOTHING, 0)
    assert told(encode(NONE), none).output == Told(9)
    with pytest.raises(MalformedMessage):
        told(encode(Tables((Table(0, b"\x00"),))), none)


def test_what_is_no_message_of_it_is_the_peers_fault():
    good = encode(GOOD)
    for wrong in (b"", good[:-1], good + b"\x00", encode(Told(1)), encode(GOOD.tables[0])):
        with pytest.raises(PeerError):
            told(wrong)


def test_a_network_that_repeats_is_noticed():
    """The second `Tables` is left over: no step takes it."""
    inputs = [(TablesGiven(9, GOOD), {}), (TablesGiven(9, NONE), {})]
    with pytest.raises(Stalled):
        play(TELLING, PARAMS, CTX, inputs, deliver=lambda message: [message, message])
    with pytest.raises(Stalled):
        play(TELLING, PARAMS, CTX, inputs, deliver=lambda message: [])


def test_nobody_speaks_before_a_message_and_no_time_passes():
    begun = TELLING.begin(Role.RESPONDER, PARAMS, CTX, TablesGiven(9, NONE), seeded("x"))
    assert isinstance(begun, Wait)
    assert begun.state == Listening(PARAMS, 9)
    assert TELLING.progress is not None
    assert TELLING.progress(begun.state) == Progress(0, 0)
    with pytest.raises(UnexpectedMessage):
        TELLING.resume(encode(begun.state), None, nothing, seeded("y"))
    spoken = TELLING.begin(Role.INITIATOR, PARAMS, CTX, TablesGiven(9, GOOD), seeded("x"))
    assert isinstance(spoken, Finish)


def test_other_parameters_or_inputs_are_a_fault_here():
    with pytest.raises(InvalidParameter):
        TELLING.begin(Role.INITIATOR, ScoreParams(1, 1), CTX, TablesGiven(9, NONE), seeded("x"))
    with pytest.raises(InvalidParameter):
        TELLING.begin(Role.INITIATOR, PARAMS, CTX, Told(9), seeded("x"))
