"""A joint score that looks first: what tables it makes, and that the model is the plain one."""

import numpy as np
import pytest

from protocols.auc import auc
from protocols.codec import decode, encode
from protocols.errors import MalformedMessage, UnexpectedMessage
from protocols.joint import moments, table_learning
from protocols.joint.between import LOOK as IN_LOOK
from protocols.joint.between import TRAINS
from protocols.joint.fitting import fit, left_of
from protocols.joint.kept import KeptJointModel
from protocols.joint.looks import NOTHING, Look
from protocols.joint.run import joint_bfv, joint_cot
from protocols.joint.scored import MODEL, own_values_of, scores
from protocols.joint.scoring import read_theirs, theirs_chunk
from protocols.joint.tables import NONE, Table, Tables
from protocols.joint.telling import TABLES
from protocols.joint.widths import UNIT
from protocols.session import Items
from protocols.sums.layout import vector_chunk
from tests.support.joint_runs import CHUNK, RUN, params_of, play_joint
from tests.support.pair import Played

MINE, PARTNERS = list(range(800)), list(range(200, 1100))
BOTH = list(range(200, 800))
LOOK, MOST = Look((4, 4, 3), (2, 2, 2)), 3
PARAMS = params_of(len(PARTNERS) + 5, 2, 3, look=LOOK, tables=MOST)


def world():
    """The label is whether one of two columns of the partner's is high and the other is low; a
    third one and the brand's say nothing.
    """
    d = np.random.default_rng(11)
    own = d.integers(0, UNIT + 1, (len(MINE), 2)).astype(np.uint8)
    columns = d.integers(0, UNIT + 1, (len(PARTNERS), 3)).astype(np.uint8)
    fine = np.minimum(columns.astype(int) * LOOK.fine // (UNIT + 1), np.array(LOOK.fine) - 1)
    bins = np.concatenate([fine, columns > UNIT // 2], axis=1).astype(np.uint16)
    high = bins[:600, 3:] == 1
    chance = np.full(len(MINE), 0.5)
    chance[200:] = np.where(high[:, 0] ^ high[:, 1], 0.85, 0.15)
    return own, (d.random(len(MINE)) < chance).astype(np.uint8), columns, bins


def play(protocol=RUN, params=PARAMS, **more) -> Played:
    own, labels, columns, bins = world()
    more = {"bins": bins} | more
    return play_joint(MINE, PARTNERS, own, labels, columns, protocol, params, **more)


@pytest.fixture(scope="module")
def looked() -> Played:
    return play()


def found_scores(played: Played, params=PARAMS):
    side = played.receiver
    values = own_values_of(side.fetch, Items(len(MINE), CHUNK))[played.matched()]
    return scores(params.second, len(PARTNERS), side.fetch, values[:, 1:].astype(np.uint8))


def judged(played: Played, params=PARAMS) -> float:
    """How well scores rank the people of both who did not train."""
    labels = world()[1][played.matched()].astype(bool)
    trains = np.frombuffer(played.receiver.chunks[TRAINS], np.uint8).astype(bool)
    found = auc(found_scores(played, params)[~trains], labels[~trains])
    assert found is not None
    return found


def check_plain(played: Played) -> None:
    """Assert that tables and model are those of the plain columns of who trains."""
    own, labels, columns, bins = world()
    who = np.array(played.matched())
    assert set(who) == set(BOTH)
    train = who[np.frombuffer(played.receiver.chunks[TRAINS], np.uint8).astype(bool)]
    x, b, y = columns[train - 200], own[train], labels[train]
    cells = LOOK.cells_of(bins[train - 200])

    vector = np.frombuffer(played.receiver.chunks[f"{IN_LOOK}{vector_chunk(0)}"], "<i4")
    said = vector.reshape(-1, 2)
    assert len(said) == len(PARTNERS)
    assert said[:, 0].sum() == len(train)
    ones, steps = said[train - 200].T
    assert (ones == 1).all()
    left = left_of(b, y)
    assert np.array_equal(steps, table_learning.quantised(left))
    people, added = (
        np.concatenate(
            [np.bincount(cells[:, i], each, size) for i, size in enumerate(LOOK.sizes)]
        ).astype(np.int64)
        for each in (ones, steps)
    )
    wanted = table_learning.learn(LOOK, np.stack([people, added]), float(left.var()), MOST)
    for side in (played.receiver, played.sender):
        assert decode(Tables, side.chunks[TABLES]) == wanted.tables

    wide = wanted.tables.beside(x, cells, 3 + MOST)
    laid = read_theirs(played.sender.chunks[theirs_chunk(0)])
    assert np.array_equal(laid[train - 200], wide)
    within = moments.with_products(wide).sum(axis=0, dtype=np.int64)
    across = np.concatenate([UNIT * y[:, None], b], axis=1).astype(np.int64).T @ (
        wide.astype(np.int64) - UNIT // 2
    )
    held = np.zeros(3 + MOST)
    held[3 : 3 + len(wanted.held)] = wanted.held
    plain = fit(moments.second_moments(b, y, within, across), 2, 0.0, held)
    model = decode(KeptJointModel, played.receiver.chunks[MODEL])
    assert np.allclose(np.array(model.weights) * UNIT / model.per_one, plain.theirs, atol=1e-6)
    assert np.allclose(np.array(model.own) * UNIT / model.per_one, plain.own, atol=1e-6)
    empty = model.weights[3 + len(wanted.held) :]
    assert empty == (0,) * len(empty), "columns without a table weigh nothing"


def test_the_model_is_that_of_plain_columns_and_tables(looked):
    check_plain(looked)


def test_what_two_of_the_partners_columns_do_together_is_found(looked):
    tables = decode(Tables, looked.sender.chunks[TABLES])
    assert tables.about(LOOK)[0] == (0, 1)
    assert judged(looked) > 0.75


def test_without_a_look_the_same_people_are_ranked_by_chance():
    params = params_of(len(PARTNERS) + 5, 2, 3)
    blind = play(params=params, bins=None)
    assert decode(Tables, blind.sender.chunks[TABLES]) == NONE
    assert 0.35 < judged(blind, params) < 0.65


def test_each_score_is_the_weighted_sum_of_columns_and_tables(looked):
    own, _, columns, bins = world()
    who = np.array(looked.matched())
    model = decode(KeptJointModel, looked.receiver.chunks[MODEL])
    tables = decode(Tables, looked.receiver.chunks[TABLES])
    wide = tables.beside(columns[who - 200], LOOK.cells_of(bins[who - 200]), 3 + MOST)
    plain = own[who].astype(np.int64) @ model.own_weights()
    plain += wide.astype(np.int64) @ np.array(model.weights)
    half_a_step = UNIT * np.abs(model.weights).sum() / 256 / 2 / model.per_one
    assert np.abs(found_scores(looked) - model.score(plain)).max() <= half_a_step * 1.001


@pytest.mark.parametrize("protocol", [joint_bfv(), joint_cot()], ids=lambda p: p.name)
def test_by_either_route(protocol):
    played = play(protocol)
    check_plain(played)
    assert judged(played) > 0.75


def test_where_chance_is_all_there_is_no_table_and_the_run_ends():
    own, labels, columns, bins = world()
    shuffled = np.random.default_rng(1).permutation(labels)
    played = play_joint(MINE, PARTNERS, own, shuffled, columns, RUN, PARAMS, bins=bins)
    assert decode(Tables, played.sender.chunks[TABLES]) == NONE
    laid = read_theirs(played.sender.chunks[theirs_chunk(0)])
    assert np.array_equal(laid[:, :3], columns)
    assert not laid[:, 3:].any()


def test_rows_in_several_chunks_have_the_columns_of_their_cells(looked):
    """Those of both lie behind the first chunk."""
    own, labels, columns, bins = world()
    others = list(range(5000, 5000 + CHUNK))
    wide = np.concatenate([np.full((CHUNK, 3), 9, np.uint8), columns])
    where = np.concatenate([np.zeros((CHUNK, 6), np.uint16), bins])
    params = params_of(CHUNK + 1000, 2, 3, look=LOOK, tables=MOST)
    theirs = [*others, *PARTNERS]
    played = play_joint(MINE, theirs, own, labels, wide, RUN, params, bins=where)
    assert set(played.matched()) == set(BOTH)
    tables = decode(Tables, played.sender.chunks[TABLES])
    assert tables.about(LOOK)[0] == (0, 1)
    for i, count in ((0, CHUNK), (1, len(PARTNERS))):
        here = slice(i * CHUNK, i * CHUNK + count)
        laid = read_theirs(played.sender.chunks[theirs_chunk(i)])
        cells = LOOK.cells_of(where[here])
        assert np.array_equal(laid, tables.beside(wide[here], cells, 3 + MOST))
    model = decode(KeptJointModel, played.receiver.chunks[MODEL])
    same = decode(KeptJointModel, looked.receiver.chunks[MODEL])
    assert np.sign(model.weights[3]) == np.sign(same.weights[3]) == 1


# A network, and a peer, that does as it likes


def is_tables(message: bytes) -> bool:
    return Tables.KIND.encode() in message[:40]


def test_tables_that_come_twice_are_refused():
    with pytest.raises(UnexpectedMessage):
        play(deliver=lambda message: [message, message] if is_tables(message) else [message])


def test_tables_that_do_not_come_are_missed_at_the_next_message():
    with pytest.raises(UnexpectedMessage):
        play(deliver=lambda message: [] if is_tables(message) else [message])


@pytest.mark.parametrize(
    ("kind", "which"),
    [
        ("psi-ot-bucket/1", 1), ("sums-clear-vector/1", 1), ("sums-clear-answer/1", 1),
        ("sums-clear-opening/1", 2), ("sums-clear-vector/1", 3), ("joint-weights/1", 1),
        ("joint-hidden/1", 1),
    ],
)  # fmt: skip
def test_tables_at_another_time_are_refused(kind, which):
    """Before a message of another part, by whoever that one goes to."""
    early, seen = encode(Tables((Table(0, bytes(4)),))), []

    def deliver(message: bytes) -> list[bytes]:
        if kind.encode() in message[:40]:
            seen.append(message)
            if len(seen) == which:
                return [early, message]
        return [message]

    with pytest.raises(UnexpectedMessage):
        play(deliver=deliver)
    assert len(seen) >= which


@pytest.mark.parametrize(
    "bad",
    [
        (Table(0, bytes(5)),),
        (Table(3, bytes([0, 33, 0, 0])),),
        (Table(1, bytes(4)), Table(1, bytes(4))),
        tuple(Table(n, bytes(LOOK.sizes[n])) for n in range(MOST + 1)),
    ],
    ids=["entries", "33", "twice", "many"],
)
def test_tables_that_do_not_fit_are_refused_by_the_partner_as_its_peers_fault(bad):
    with pytest.raises(MalformedMessage):
        play(deliver=lambda m: [encode(Tables(bad)) if is_tables(m) else m])


def test_tables_where_nothing_was_looked_at_are_refused():
    params = params_of(len(PARTNERS) + 5, 2, 3)
    assert params.tables.look == NOTHING
    bad = encode(Tables((Table(0, bytes(4)),)))
    with pytest.raises(MalformedMessage):
        play(params=params, bins=None, deliver=lambda m: [bad if is_tables(m) else m])
