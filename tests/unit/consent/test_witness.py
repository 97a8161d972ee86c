"""The witness's answers, one by one, as C2SP tlog-witness lists them."""

import pytest

from consent.checkpoint import Checkpoint, LogSigner, checkpoint_of
from consent.errors import MalformedRecord
from consent.merkle import EMPTY_ROOT, HashTree, leaf_hash
from consent.witness import (
    SIZE_TYPE,
    Accepted,
    AddCheckpoint,
    Refused,
    add_checkpoint_request,
    consider,
    parse_add_checkpoint,
)

LOG = LogSigner("example.com/log", b"\x01" * 32)
TREE = HashTree(leaf_hash(bytes([i])) for i in range(9))
KEYS = [LOG.verifier]


def stored(size: int) -> Checkpoint:
    return Checkpoint(LOG.origin, size, TREE.root(size))


def request(old: int, new: int, note: str | None = None) -> AddCheckpoint:
    note = note or LOG.sign(new, TREE.root(new))
    return parse_add_checkpoint(add_checkpoint_request(old, TREE.consistency_proof(old, new), note))


def status(answer: Accepted | Refused) -> int:
    return 200 if isinstance(answer, Accepted) else answer.status


def test_the_first_checkpoint_is_accepted() -> None:
    for size in (0, 5):
        answer = consider(None, request(0, size), KEYS)
        assert isinstance(answer, Accepted)
        assert answer.checkpoint == stored(size)


def test_a_checkpoint_that_continues_the_last_is_accepted() -> None:
    for old in range(10):
        for new in range(old, 10):
            assert status(consider(stored(old), request(old, new), KEYS)) == 200


def test_an_unknown_origin_is_404() -> None:
    assert status(consider(None, request(0, 5), [])) == 404


def test_no_signature_of_a_trusted_key_is_403() -> None:
    other = LogSigner(LOG.origin, b"\x09" * 32)
    assert status(consider(None, request(0, 5, other.sign(5, TREE.root(5))), KEYS)) == 403


def test_a_failed_signature_of_a_trusted_key_is_403() -> None:
    good = LOG.sign(5, TREE.root(5))
    wrong = LOG.sign(4, TREE.root(4)).split("\n\n")[1]
    assert status(consider(None, request(0, 5, good + wrong), KEYS)) == 403


def test_an_old_size_above_the_checkpoint_is_400() -> None:
    ask = AddCheckpoint(6, (), LOG.sign(5, TREE.root(5)), stored(5))
    assert status(consider(stored(6), ask, KEYS)) == 400


def test_an_old_size_that_is_not_the_last_is_409_with_the_last() -> None:
    for last in (3, 5):
        answer = consider(stored(last), request(4, 9), KEYS)
        assert answer == Refused(409, f"{last}\n", SIZE_TYPE)
    assert consider(None, request(4, 9), KEYS) == Refused(409, "0\n", SIZE_TYPE)


def test_a_proof_from_nothing_that_is_not_empty_is_422() -> None:
    ask = AddCheckpoint(0, (EMPTY_ROOT,), LOG.sign(5, TREE.root(5)), stored(5))
    assert status(consider(None, ask, KEYS)) == 422


def test_a_proof_that_fails_is_422() -> None:
    ask = AddCheckpoint(4, (EMPTY_ROOT,), LOG.sign(5, TREE.root(5)), stored(5))
    assert status(consider(stored(4), ask, KEYS)) == 422


def test_one_size_with_another_root_is_422() -> None:
    note = LOG.sign(5, b"\x00" * 32)
    ask = AddCheckpoint(5, (), note, checkpoint_of(note))
    assert status(consider(stored(5), ask, KEYS)) == 422


def test_an_empty_tree_with_another_root_is_422() -> None:
    note = LOG.sign(0, b"\x00" * 32)
    assert status(consider(None, AddCheckpoint(0, (), note, checkpoint_of(note)), KEYS)) == 422


def test_what_was_parsed_is_not_what_decides_but_what_was_signed() -> None:
    lying = AddCheckpoint(0, (), LOG.sign(5, TREE.root(5)), stored(9))
    answer = consider(None, lying, KEYS)
    assert isinstance(answer, Accepted)
    assert answer.checkpoint.size == 5


@pytest.mark.parametrize(
    "head",
    [
        "",
        "old",
        "old ",
        "old 01",
        "old x",
        "new 5",
        "old 5\nAAAA",
        "old 5\n" + ("A" * 43 + "=\n") * 64,
    ],
)
def test_what_is_no_request_is_refused(head: str) -> None:
    with pytest.raises(MalformedRecord):
        parse_add_checkpoint(head.rstrip("\n") + "\n\n" + LOG.sign(5, TREE.root(5)))
