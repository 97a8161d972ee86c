import dataclasses
import math

import numpy as np
import pytest

from protocols.codec import Record, decode, encode
from protocols.errors import (
    ContextMismatch,
    HashingFailed,
    InvalidElement,
    InvalidParameter,
    LocalError,
    MalformedMessage,
    ProtocolError,
    TooManyElements,
    UnexpectedMessage,
)
from protocols.psi import cuckoo, ot
from protocols.psi.ot_records import Bucket, Correction, Done, Opening, Values
from protocols.psi.params import Labelled, Members, OtParams, SenderDone
from protocols.session import Continue, Items, Role, Transition
from protocols.transcript import Transcript
from tests.support.pair import CTX, Side, Stalled, items_of, run_pair
from tests.support.psi_ot_vectors import label_chunks
from tests.support.scenarios import CHUNK_ITEMS, SCENARIOS, Scenario
from tests.support.seeded import digests, seeded

PARAMS = OtParams(max_items=20_000, chunk_items=CHUNK_ITEMS, tag_bytes=12, chunk_rows=4096)
BUCKETED = dataclasses.replace(PARAMS, bucket_items=16)


@pytest.mark.parametrize("params", [PARAMS, BUCKETED], ids=["one bucket", "buckets"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_receiver_learns_which_of_its_items_match(scenario: Scenario, params):
    played = run_pair(ot.MEMBERS, params, CTX, scenario.receiver_items(), scenario.sender_items())
    assert played.matched() == scenario.positions()
    assert played.receiver.output == Members(len(scenario.positions()))
    assert played.sender.output == SenderDone(len(scenario.receiver))


@pytest.mark.parametrize("bucket_items", [2**20, 3000])
def test_sets_of_several_messages_in_each_direction(bucket_items):
    params = OtParams(20_000, 1024, 10, 4096, bucket_items)
    mine, theirs = digests(range(9000)), digests(range(6000, 13_000))
    played = run_pair(ot.MEMBERS, params, CTX, mine, theirs)
    assert played.matched() == list(range(6000, 9000))
    assert sum(isinstance(m, Correction) for m in said(played.receiver)) > 2
    assert sum(isinstance(m, Values) for m in said(played.sender)) > 6


@pytest.mark.parametrize("tag_bytes", [10, 16])
def test_values_have_as_many_bytes_as_agreed(tag_bytes):
    params = dataclasses.replace(PARAMS, tag_bytes=tag_bytes)
    played = run_pair(ot.MEMBERS, params, CTX, digests(range(9)), digests(range(5, 20)))
    assert played.matched() == [5, 6, 7, 8]
    assert len(played.sender.sent[-1]) - 3 * 15 * tag_bytes < 40


def test_what_is_sent_depends_on_the_sizes_only():
    lengths = set()
    for shift in range(3):
        mine, theirs = digests(range(50)), digests(range(shift * 20, shift * 20 + 35))
        played = run_pair(ot.MEMBERS, BUCKETED, CTX, mine, theirs, seed=f"run {shift}")
        lengths.add(tuple(len(m) for m in played.receiver.sent + played.sender.sent))
    assert len(lengths) == 1


def test_two_runs_share_no_value():
    said = []
    for ctx in (CTX, bytes(32)):
        played = run_pair(ot.MEMBERS, PARAMS, ctx, digests(range(5)), digests(range(5)))
        said.append(
            {
                m
                for m in played.sender.sent + played.receiver.sent
                if b"psi-ot-bucket" not in m and b"done" not in m
            }
        )
    assert not said[0] & said[1]


# Labels


def labels_of(numbers: list[int], size: int) -> list[bytes]:
    return [bytes([n % 251]) * size for n in numbers]


@pytest.mark.parametrize("params", [PARAMS, BUCKETED], ids=["one bucket", "buckets"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_receiver_learns_the_labels_of_what_both_have(scenario: Scenario, params):
    params = dataclasses.replace(params, label_bytes=3)
    labels = labels_of(scenario.sender, 3)
    played = run_pair(
        ot.LABELLED,
        params,
        CTX,
        scenario.receiver_items(),
        scenario.sender_items(),
        laid=({}, label_chunks(labels, CHUNK_ITEMS)),
    )
    assert played.matched() == scenario.positions()
    assert played.receiver.output == Labelled(len(scenario.positions()), 3, len(scenario.sender))
    common = [scenario.receiver[i] for i in scenario.positions()]
    assert played.receiver.chunks["labels"] == b"".join(labels_of(common, 3))


@pytest.mark.parametrize("size", [1, 16])
def test_labels_have_1_to_16_bytes_and_none_is_said_in_clear(size):
    params = dataclasses.replace(PARAMS, label_bytes=size)
    numbers = list(range(40))
    chunks = label_chunks([b"L" * size] * 40, CHUNK_ITEMS)
    played = run_pair(ot.LABELLED, params, CTX, digests([3]), digests(numbers), laid=({}, chunks))
    assert played.receiver.chunks["labels"] == b"L" * size
    values = [m.values for m in said(played.sender) if isinstance(m, Values)]
    sealed = [v[i : i + 12 + size][12:] for v in values for i in range(0, len(v), 12 + size)]
    assert len(sealed) == 120
    if size == 16:
        assert len({*sealed, b"L" * 16}) == 121


def test_an_input_without_a_label_for_each_item_is_refused():
    params = dataclasses.replace(PARAMS, label_bytes=4)
    chunks = label_chunks([b"four"] * 19, CHUNK_ITEMS)
    with pytest.raises(LocalError):
        run_pair(
            ot.LABELLED,
            params,
            CTX,
            digests(range(3)),
            digests(range(20)),
            laid=({}, chunks),
        )


@pytest.mark.parametrize(("protocol", "size"), [(ot.MEMBERS, 4), (ot.LABELLED, 0)])
def test_labels_are_said_in_the_protocol_for_them_only(protocol, size):
    params = dataclasses.replace(PARAMS, label_bytes=size)
    with pytest.raises(InvalidParameter):
        protocol.begin(Role.INITIATOR, params, CTX, Items(0, CHUNK_ITEMS), seeded("x"))


# Steps by hand


class Half:
    """One side, one step after the other."""

    def __init__(
        self, role: Role, items: list[bytes], *, params: OtParams = PARAMS, ctx: bytes = CTX
    ) -> None:
        own, chunks = items_of(items, CHUNK_ITEMS)
        self.side = Side(ot.MEMBERS, role, seeded(role), chunks, Transcript.start(ctx))
        self.outbox = self.side.begin(params, ctx, own)
        self.drain()

    def drain(self) -> None:
        while self.side.has_more_to_say:
            self.outbox += self.side.step(None)

    def take(self, message: Record) -> None:
        self.side.step(encode(message))
        self.drain()

    def said(self, kind: type[Record]) -> Record:
        return next(m for m in said(self.side) if isinstance(m, kind))


def said(side: Side) -> list[Record]:
    return [decode(ot.MEMBERS.messages, m) for m in side.sent]


def opened(mine: int = 30, theirs: int = 20, params: OtParams = PARAMS) -> tuple[Half, Half]:
    """Return both sides after the openings: the receiver has sent its first bucket."""
    receiver = Half(Role.INITIATOR, digests(range(mine)), params=params)
    sender = Half(Role.RESPONDER, digests(range(theirs)), params=params)
    sender.take(receiver.said(Opening))
    receiver.take(sender.said(Opening))
    return receiver, sender


def returned(params: OtParams = PARAMS) -> tuple[Half, Half]:
    """Return both sides when the sender has sent all values of the first bucket."""
    receiver, sender = opened(params=params)
    sender.take(receiver.said(Bucket))
    sender.take(receiver.said(Correction))
    return receiver, sender


def values_of(half: Half) -> list[Values]:
    return [m for m in said(half.side) if isinstance(m, Values)]


@pytest.mark.parametrize("role", Role)
def test_an_opening_reflected_is_refused(role):
    receiver = Half(Role.INITIATOR, digests(range(3)))
    if role is Role.INITIATOR:
        with pytest.raises(ContextMismatch):
            receiver.take(receiver.said(Opening))
    else:
        sender = Half(Role.RESPONDER, digests(range(3)))
        sender.take(receiver.said(Opening))
        with pytest.raises(ContextMismatch):
            Half(Role.RESPONDER, digests(range(3))).take(sender.said(Opening))


@pytest.mark.parametrize(
    "change",
    [{"ctx": bytes(32)}]
    + [
        {"params": dataclasses.replace(PARAMS, **{name: value})}
        for name, value in (
            ("max_items", 499),
            ("tag_bytes", 11),
            ("chunk_rows", 8192),
            ("bucket_items", 1000),
        )
    ],
)
def test_a_peer_that_agreed_to_something_else_fails_at_its_first_message(change):
    sender = Half(Role.RESPONDER, digests(range(5)), **change)
    with pytest.raises(ContextMismatch):
        sender.take(Half(Role.INITIATOR, digests(range(5))).said(Opening))


def test_more_items_than_agreed_are_refused():
    opening = Half(Role.INITIATOR, []).said(Opening)
    for total, error in ((20_001, TooManyElements), (-1, MalformedMessage)):
        with pytest.raises(error):
            Half(Role.RESPONDER, []).take(dataclasses.replace(opening, total=total))


@pytest.mark.parametrize("points", [b"", bytes(31), bytes(64)])
def test_another_number_of_points_is_refused(points):
    receiver, sender = Half(Role.INITIATOR, []), Half(Role.RESPONDER, [])
    with pytest.raises(MalformedMessage):
        sender.take(dataclasses.replace(receiver.said(Opening), points=points))
    sender.take(receiver.said(Opening))
    with pytest.raises(MalformedMessage):
        receiver.take(dataclasses.replace(sender.said(Opening), points=points))


def test_a_point_outside_the_group_is_refused():
    receiver, sender = Half(Role.INITIATOR, []), Half(Role.RESPONDER, [])
    identity = b"\x01" + bytes(31)
    with pytest.raises(InvalidElement):
        sender.take(dataclasses.replace(receiver.said(Opening), points=identity))
    sender.take(receiver.said(Opening))
    answer = sender.said(Opening)
    for place in (0, 447):
        points = answer.points[: 32 * place] + identity + answer.points[32 * place + 32 :]
        with pytest.raises(InvalidElement):
            receiver.take(dataclasses.replace(answer, points=points))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"bucket": 1}, UnexpectedMessage),
        ({"bucket": -1}, UnexpectedMessage),
        ({"salt": bytes(15)}, MalformedMessage),
        ({"salt": bytes(17)}, MalformedMessage),
    ],
)
def test_a_bucket_out_of_turn_or_with_another_salt_is_refused(change, error):
    receiver, sender = opened()
    with pytest.raises(error):
        sender.take(dataclasses.replace(receiver.said(Bucket), **change))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"bucket": 1}, UnexpectedMessage),
        ({"index": 1}, UnexpectedMessage),
        ({"index": -1}, UnexpectedMessage),
        ({"rows": b""}, MalformedMessage),
        ({"rows": bytes(56 * 551 - 1)}, MalformedMessage),
        ({"rows": bytes(56 * 552)}, MalformedMessage),
    ],
)
def test_a_correction_out_of_turn_or_of_another_length_is_refused(change, error):
    receiver, sender = opened()
    sender.take(receiver.said(Bucket))
    assert len(receiver.said(Correction).rows) == 56 * 551
    with pytest.raises(error):
        sender.take(dataclasses.replace(receiver.said(Correction), **change))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"bucket": 1}, UnexpectedMessage),
        ({"index": 1}, UnexpectedMessage),
        ({"index": -1}, UnexpectedMessage),
        ({"values": b""}, MalformedMessage),
        ({"values": bytes(3 * 12 * 16 - 1)}, MalformedMessage),
        ({"values": bytes(3 * 12 * 20)}, MalformedMessage),
    ],
)
def test_values_out_of_turn_or_of_another_length_are_refused(change, error):
    receiver, sender = returned()
    with pytest.raises(error):
        receiver.take(dataclasses.replace(values_of(sender)[0], **change))


def test_a_value_twice_is_refused():
    receiver, sender = returned()
    first, second = values_of(sender)
    receiver.take(first)
    twice = first.values[:12] + second.values[12:]
    with pytest.raises(InvalidElement):
        receiver.take(dataclasses.replace(second, values=twice))


def test_values_of_another_sender_match_nothing():
    receiver, sender = returned()
    noise = seeded("noise")
    for message in values_of(sender):
        receiver.take(dataclasses.replace(message, values=noise(len(message.values))))
    assert receiver.side.output == Members(0)


def test_a_message_repeated_is_refused():
    receiver, sender = returned()
    with pytest.raises(UnexpectedMessage):
        sender.take(receiver.said(Correction))
    receiver.take(values_of(sender)[0])
    with pytest.raises(UnexpectedMessage):
        receiver.take(values_of(sender)[0])
    with pytest.raises(UnexpectedMessage):
        receiver.take(Done())


def test_a_missing_message_leaves_the_run_without_a_result():
    seen = []

    def lose_the_fourth(message: bytes) -> list[bytes]:
        seen.append(message)
        return [] if len(seen) == 4 else [message]

    with pytest.raises((Stalled, ProtocolError)):
        run_pair(
            ot.MEMBERS, PARAMS, CTX, digests(range(40)), digests(range(20)), deliver=lose_the_fourth
        )


# Chance against us


def test_without_a_placing_another_salt_is_taken(monkeypatch):
    real, tried = cuckoo.place, []

    def fail_twice(bins, count):
        tried.append(bins.tobytes())
        return None if len(tried) < 3 else real(bins, count)

    monkeypatch.setattr(cuckoo, "place", fail_twice)
    played = run_pair(ot.MEMBERS, PARAMS, CTX, digests(range(40)), digests(range(30, 60)))
    assert played.matched() == list(range(30, 40))
    assert len(set(tried)) == 3


def test_without_any_placing_the_run_ends_and_loses_nothing(monkeypatch):
    monkeypatch.setattr(cuckoo, "place", lambda bins, count: None)
    with pytest.raises(HashingFailed):
        run_pair(ot.MEMBERS, PARAMS, CTX, digests(range(40)), digests(range(30, 60)))


# Our own mistakes


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("items", "ctx"),
    [
        (Items(20_001, CHUNK_ITEMS), CTX),
        (Items(-1, CHUNK_ITEMS), CTX),
        (Items(5, CHUNK_ITEMS + 1), CTX),
        (Items(5, CHUNK_ITEMS), CTX[:-1]),
    ],
)
def test_input_that_does_not_fit_the_parameters_is_refused(role, items, ctx):
    with pytest.raises(InvalidParameter):
        ot.MEMBERS.begin(role, PARAMS, ctx, items, seeded("x"))


def test_other_parameters_are_refused():
    with pytest.raises(InvalidParameter):
        ot.MEMBERS.begin(Role.INITIATOR, Items(0, 1), CTX, Items(0, CHUNK_ITEMS), seeded("x"))


@pytest.mark.parametrize("chunk", [b"", bytes(32 * 4), b"a" * 32 * 5])
def test_an_input_chunk_that_is_short_or_has_duplicates_is_refused(chunk):
    receiver = Half(Role.INITIATOR, digests(range(5)))
    sender = Half(Role.RESPONDER, digests(range(5)))
    sender.take(receiver.said(Opening))
    receiver.side.chunks["own/00000"] = chunk
    with pytest.raises(LocalError):
        receiver.take(sender.said(Opening))


def test_a_senders_input_with_duplicates_is_refused_before_it_is_sent():
    receiver = Half(Role.INITIATOR, digests(range(5)))
    sender = Half(Role.RESPONDER, digests([1, 2, 3, 4, 3]))
    sender.take(receiver.said(Opening))
    receiver.take(sender.said(Opening))
    with pytest.raises(LocalError):
        sender.take(receiver.said(Bucket))


@pytest.mark.parametrize("name", ["entries-even/00000", "chosen"])
def test_a_kept_chunk_that_was_damaged_is_refused_or_matches_nothing(name):
    receiver, sender = opened()
    sender.take(receiver.said(Bucket))
    sender.side.chunks[name] = sender.side.chunks[name][:-1]
    with pytest.raises(LocalError):
        sender.take(receiver.said(Correction))


def test_a_state_is_small_and_shows_no_secret():
    receiver, sender = opened()
    assert len(receiver.side.state) < 500
    assert len(sender.side.state) < 500
    started: Transition = ot.MEMBERS.begin(
        Role.INITIATOR, PARAMS, CTX, Items(0, CHUNK_ITEMS), seeded("x")
    )
    assert isinstance(started, Continue)
    assert "scalar" not in repr(started.state)


def test_the_values_look_random():
    """A smoke test: no bit of the values is biased, matched or not."""
    params = OtParams(3000, 4096)
    played = run_pair(ot.MEMBERS, params, CTX, digests(range(2000)), digests(range(1000, 3000)))
    values = said(played.sender)[-1].values
    bits = np.unpackbits(np.frombuffer(values, np.uint8).reshape(-1, 12), axis=1)
    assert abs(bits.mean(axis=0) - 0.5).max() < 6 * 0.5 / math.sqrt(len(bits))
