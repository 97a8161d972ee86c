"""Checkpoints: who signed, who cosigned, how many are enough."""

import pytest

from consent.checkpoint import (
    Checkpoint,
    Cosigner,
    LogSigner,
    attach,
    checkpoint_of,
    cosign,
    open_checkpoint,
    with_cosignatures,
)
from consent.errors import BadSignature, MalformedRecord
from consent.merkle import EMPTY_ROOT
from consent.note import KeyType, parse_note, verify_known

LOG = LogSigner("example.com/log", b"\x01" * 32)
ONE, TWO = Cosigner("w.example/1", b"\x02" * 32), Cosigner("w.example/2", b"\x03" * 32)
KEYS = [ONE.verifier, TWO.verifier]
ROOT = b"\x05" * 32
NOTE = LOG.sign(7, ROOT)


def test_an_opened_checkpoint_says_size_and_root() -> None:
    opened = open_checkpoint(NOTE, LOG.verifier)
    assert opened == Checkpoint("example.com/log", 7, ROOT) == checkpoint_of(NOTE)


def test_cosignatures_count_and_tell_their_time() -> None:
    note = with_cosignatures(NOTE, ONE.cosign(NOTE, 1_700_000_000))
    note = with_cosignatures(note, cosign(note, "w.example/2", b"\x03" * 32, 1_700_000_001))
    opened = open_checkpoint(note, LOG.verifier, KEYS, quorum=2)
    assert [c.seconds for c in opened.cosignatures] == [1_700_000_000, 1_700_000_001]


def test_too_few_cosignatures_are_refused() -> None:
    note = with_cosignatures(NOTE, ONE.cosign(NOTE, 5))
    open_checkpoint(note, LOG.verifier, KEYS, quorum=1)
    with pytest.raises(BadSignature):
        open_checkpoint(note, LOG.verifier, KEYS, quorum=2)


def test_one_witness_twice_counts_once() -> None:
    note = with_cosignatures(NOTE, ONE.cosign(NOTE, 5) + ONE.cosign(NOTE, 6))
    with pytest.raises(BadSignature):
        open_checkpoint(note, LOG.verifier, KEYS, quorum=2)


def test_one_key_under_two_names_counts_once() -> None:
    twin = Cosigner("w.example/twin", b"\x02" * 32)
    note = with_cosignatures(NOTE, ONE.cosign(NOTE, 5) + twin.cosign(NOTE, 5))
    with pytest.raises(BadSignature):
        open_checkpoint(note, LOG.verifier, [ONE.verifier, twin.verifier], quorum=2)


def test_a_cosignature_of_another_checkpoint_is_refused() -> None:
    note = with_cosignatures(NOTE, ONE.cosign(LOG.sign(8, ROOT), 5))
    with pytest.raises(BadSignature):
        open_checkpoint(note, LOG.verifier, KEYS)


def test_a_changed_time_is_refused() -> None:
    signature = parse_note(with_cosignatures(NOTE, ONE.cosign(NOTE, 5))).signatures[1]
    later = (6).to_bytes(8, "big") + signature.blob[8:]
    line = type(signature)(signature.name, signature.key_id, later).line()
    with pytest.raises(BadSignature):
        open_checkpoint(with_cosignatures(NOTE, line), LOG.verifier, KEYS)


def test_a_cosignature_alone_is_no_log_signature() -> None:
    text = Checkpoint("example.com/log", 7, ROOT).text()
    line = ONE.cosign(NOTE, 5)
    with pytest.raises(BadSignature):
        open_checkpoint(text + "\n" + line, LOG.verifier, KEYS)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = LogSigner("example.com/other", b"\x01" * 32)
    with pytest.raises(BadSignature):
        open_checkpoint(other.sign(7, ROOT), LOG.verifier)


def test_keys_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(BadSignature):
        open_checkpoint(NOTE, LOG.verifier, [LOG.verifier])
    with pytest.raises(BadSignature):
        open_checkpoint(NOTE, ONE.verifier)
    with pytest.raises(MalformedRecord):
        Cosigner("w", b"\x01" * 32, KeyType.ED25519)


def test_an_mldsa_witness_cosigns_too() -> None:
    witness = Cosigner("w.example/pq", b"\x06" * 32, KeyType.MLDSA44_COSIGNATURE)
    note = with_cosignatures(NOTE, witness.cosign(NOTE, 9))
    opened = open_checkpoint(note, LOG.verifier, [witness.verifier], quorum=1)
    assert opened.cosignatures[0].seconds == 9


def test_signatures_are_attached_once() -> None:
    note = parse_note(with_cosignatures(NOTE, ONE.cosign(NOTE, 5)))
    verified = verify_known(note, KEYS)
    assert attach(parse_note(NOTE), *verified) == attach(note, *verified) == note


@pytest.mark.parametrize(
    "text",
    [
        "origin\n1\n",
        "origin\n01\n" + "A" * 43 + "=\n",
        "origin\n1\nAAAA\n",
        "\n1\n" + "A" * 43 + "=\n",
        "origin\n1\n" + "A" * 43 + "=\n\nextension after a blank\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedRecord):
        checkpoint_of(text + "\n— n Uw2QOkn8srU=\n")


def test_extension_lines_are_read_over() -> None:
    text = Checkpoint("o", 1, ROOT).text() + "extension\n"
    assert checkpoint_of(text + "\n— n Uw2QOkn8srU=\n") == Checkpoint("o", 1, ROOT)


def test_a_checkpoint_that_cannot_be_is_not_signed() -> None:
    for checkpoint in (Checkpoint("", 1, ROOT), Checkpoint("o", -1, ROOT), Checkpoint("o", 1, b"")):
        with pytest.raises(MalformedRecord):
            checkpoint.text()
    assert checkpoint_of(LOG.sign(0, EMPTY_ROOT)).size == 0
