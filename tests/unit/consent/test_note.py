"""Signed notes: the form, known and unknown keys, and the three types of key."""

import pytest

from consent.errors import BadSignature, MalformedRecord
from consent.note import (
    KeyType,
    Note,
    Signer,
    parse_decimal,
    parse_note,
    parse_signature_line,
    parse_vkey,
    sign_note,
    verify_known,
    verify_note,
)

ONE = Signer("example.com/one", b"\x01" * 32)
TWO = Signer("example.com/two", b"\x02" * 32)
TEXT = "first line\n\nafter a blank line\n"


def test_a_note_is_read_as_it_was_written() -> None:
    note = sign_note(TEXT, ONE, TWO)
    assert parse_note(note.encode()) == note
    assert parse_note(note.encode().encode()) == note


def test_the_text_ends_at_the_last_blank_line() -> None:
    assert parse_note(sign_note(TEXT, ONE).encode()).text == TEXT


def test_a_signature_of_an_unknown_key_is_ignored() -> None:
    note = sign_note(TEXT, ONE, TWO)
    assert [v.verifier for v in verify_note(note, [TWO.verifier])] == [TWO.verifier]


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    note = sign_note(TEXT, ONE)
    assert verify_known(note, [TWO.verifier]) == ()
    with pytest.raises(BadSignature):
        verify_note(note, [TWO.verifier])


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    good, other = sign_note(TEXT, ONE, TWO), sign_note("other\n", TWO)
    spoiled = Note(TEXT, (good.signatures[0], other.signatures[0]))
    with pytest.raises(BadSignature):
        verify_note(spoiled, [ONE.verifier, TWO.verifier])


def test_a_name_alone_is_no_key() -> None:
    impostor = Signer("example.com/one", b"\x09" * 32)
    with pytest.raises(BadSignature):
        verify_note(sign_note(TEXT, impostor), [ONE.verifier])


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "\n",
        "no signature\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— example.com/one Uw2Q\n",
        "text\n\n- example.com/one Uw2QOkn8srU=\n",
        "text\n\n— a+b Uw2QOkn8srU=\n",
        "text\n\n— a b Uw2QOkn8srU=\n",
        "text\n\n— a\u00a0b Uw2QOkn8srU=\n",
        "text\n\n— name Uw2QOkn8srU\n",
        "text\n\n— name Uw2QOkn8srV=\n",
        "text\n\n— name Uw2QOkn8srU=",
        "te\rxt\n\n— name Uw2QOkn8srU=\n",
        "te\txt\n\n— name Uw2QOkn8srU=\n",
        "text\n\n— name Uw2QOkn8srU=\n" + "— name Uw2QOkn8srU=\n" * 64,
    ],
)
def test_what_is_no_note_is_refused(bad: str) -> None:
    with pytest.raises(MalformedRecord):
        parse_note(bad)


def test_a_note_may_have_sixty_four_signatures() -> None:
    line = sign_note(TEXT, ONE).signatures[0].line()
    assert len(parse_note(TEXT + "\n" + line * 64).signatures) == 64


@pytest.mark.parametrize("kind", list(KeyType))
def test_every_type_of_key_signs_and_verifies(kind: KeyType) -> None:
    signer = Signer("example.com/w", b"\x04" * 32, kind)
    text = "example.com/log\n7\n" + "A" * 43 + "=\n"
    seconds = None if kind is KeyType.ED25519 else 1_700_000_000
    signature = signer.sign(text, seconds)
    assert parse_vkey(signer.verifier.vkey) == signer.verifier
    assert parse_signature_line(signature.line()[:-1]) == signature
    assert signer.verifier.verify(text, signature) == seconds
    with pytest.raises(BadSignature):
        signer.verifier.verify(text.replace("7", "8"), signature)


def test_a_cosignature_needs_a_time_and_a_signature_has_none() -> None:
    text = "example.com/log\n7\n" + "A" * 43 + "=\n"
    with pytest.raises(MalformedRecord):
        ONE.sign(text, 5)
    witness = Signer("w", b"\x04" * 32, KeyType.ED25519_COSIGNATURE)
    for seconds in (None, 0, 2**63):
        with pytest.raises(MalformedRecord):
            witness.sign(text, seconds)


def test_mldsa_cosigns_nothing_but_checkpoints() -> None:
    witness = Signer("w", b"\x04" * 32, KeyType.MLDSA44_COSIGNATURE)
    with pytest.raises(MalformedRecord):
        witness.sign("just a text\n", 5)


def test_mldsa_commits_to_the_name_of_the_witness() -> None:
    text = "example.com/log\n7\n" + "A" * 43 + "=\n"
    one = Signer("w1", b"\x04" * 32, KeyType.MLDSA44_COSIGNATURE)
    two = Signer("w2", b"\x04" * 32, KeyType.MLDSA44_COSIGNATURE)
    moved = two.sign(text, 5).__class__("w1", one.verifier.key_id, two.sign(text, 5).blob)
    with pytest.raises(BadSignature):
        one.verifier.verify(text, moved)


@pytest.mark.parametrize(
    "bad", ["", "a+b", "a+530d903a+", "a+00000000+AekyeRrm56h=", "+0+0", "a+b+c"]
)
def test_what_is_no_vkey_is_refused(bad: str) -> None:
    with pytest.raises(MalformedRecord):
        parse_vkey(bad)


def test_a_vkey_with_another_key_id_is_refused() -> None:
    name, _, key = ONE.verifier.vkey.split("+", 2)
    with pytest.raises(MalformedRecord):
        parse_vkey(f"{name}+00000000+{key}")


@pytest.mark.parametrize(
    "bad", ["", "00", "01", "-1", "+1", " 1", "1 ", "٣", "9223372036854775808"]
)
def test_decimals_have_one_spelling(bad: str) -> None:
    with pytest.raises(MalformedRecord):
        parse_decimal(bad)
