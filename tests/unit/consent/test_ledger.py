"""Sealing and opening: what each part of an entry is for, and what is refused."""

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent import ledger
from consent.errors import LedgerInconsistent, MalformedRecord
from consent.ledger import SubjectKeys, open_entry, open_payload, parse_leaf, seal_entry
from consent.merkle import leaf_hash
from consent.records import Entry, payload_bytes
from tests.support.consents import NOON, event, seeded

KEYS = SubjectKeys.generate(seeded("keys"))
EVENT = event(notice_hash=b"\x0a" * 32)
SEALED = seal_entry(EVENT, controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded())


def open_it(keys: SubjectKeys = KEYS, controller: str = "brand", **changes: bytes) -> Entry:
    parts = {n: getattr(SEALED, n) for n in ("leaf", "salt", "nonce", "ciphertext")} | changes
    leaf = parts.pop("leaf")
    return open_entry(leaf, **parts, keys=keys, controller=controller)


def test_every_part_is_what_the_format_says() -> None:
    leaf = json.loads(SEALED.leaf)
    payload = payload_bytes(EVENT)
    assert set(leaf) == {
        "type", "v", "entry_id", "controller", "recorded_at", "notice_hash", "ptag", "pcom",
    }  # fmt: skip
    assert leaf["pcom"] == hashlib.sha256(b"pcom/v1" + SEALED.salt + payload).hexdigest()
    entry_id = SEALED.entry_id.encode()
    assert leaf["ptag"] == hmac.new(KEYS.tag_key, b"tag" + entry_id, "sha256").hexdigest()
    associated = entry_id + b"brand" + b"consent-event"
    assert AESGCM(KEYS.data_key).decrypt(SEALED.nonce, SEALED.ciphertext, associated) == payload
    assert SEALED.leaf_hash == leaf_hash(SEALED.leaf)


def test_an_entry_id_is_a_uuid_of_version_7_with_the_time_in_it() -> None:
    number = int(SEALED.entry_id.replace("-", ""), 16)
    assert number >> 80 == NOON
    assert number >> 76 & 0xF == 7
    assert number >> 62 & 0b11 == 0b10


def test_an_entry_opens_with_its_keys() -> None:
    assert open_it() == EVENT
    assert open_payload(SEALED.leaf, salt=SEALED.salt, payload=payload_bytes(EVENT)) == EVENT


def test_without_the_subjects_keys_nothing_opens() -> None:
    others = SubjectKeys.generate(seeded("other"))
    for keys in (
        others,
        SubjectKeys(KEYS.tag_key, others.data_key),
        SubjectKeys(others.tag_key, KEYS.data_key),
    ):
        with pytest.raises(LedgerInconsistent):
            open_it(keys)


def test_an_entry_of_another_controller_is_refused() -> None:
    with pytest.raises(LedgerInconsistent):
        open_it(controller="publisher")


def test_two_entries_cannot_exchange_their_contents() -> None:
    other = seal_entry(EVENT, controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded("2"))
    for name in ("salt", "nonce", "ciphertext"):
        with pytest.raises(LedgerInconsistent):
            open_it(**{name: getattr(other, name)})
    with pytest.raises(LedgerInconsistent):
        open_it(salt=other.salt, nonce=other.nonce, ciphertext=other.ciphertext)


def test_a_changed_payload_does_not_fit_the_commitment() -> None:
    other = payload_bytes(event(separate=True, notice_hash=b"\x0a" * 32))
    with pytest.raises(LedgerInconsistent):
        open_payload(SEALED.leaf, salt=SEALED.salt, payload=other)


def test_a_leaf_that_names_another_notice_is_refused() -> None:
    leaf = SEALED.leaf.replace(b"0a" * 32, b"0b" * 32)
    with pytest.raises(LedgerInconsistent):
        open_payload(leaf, salt=SEALED.salt, payload=payload_bytes(EVENT))


def test_two_entries_of_one_person_share_no_tag() -> None:
    other = seal_entry(EVENT, controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded("2"))
    assert parse_leaf(other.leaf).ptag != parse_leaf(SEALED.leaf).ptag
    assert parse_leaf(other.leaf).ptag == ledger.tag(KEYS.tag_key, other.entry_id)


@pytest.mark.parametrize(
    "change",
    [
        (b'"v":1', b'"v":2.0'),
        (b'"v":1', b'"v":1,"w":2'),
        (b'"v":1', b'"v": 1'),
        (b'"v":1', b'"v":0'),
        (b'"type":"consent-event",', b""),
        (b"-7", b"-4"),
        (b"2027", b"1969"),
        (b"ptag", b"ptaG"),
    ],
)
def test_what_is_no_leaf_is_refused(change: tuple[bytes, bytes]) -> None:
    leaf = SEALED.leaf.replace(*change, 1)
    assert leaf != SEALED.leaf
    with pytest.raises(MalformedRecord):
        parse_leaf(leaf)


def test_an_unknown_type_of_entry_is_refused_when_opened() -> None:
    payload = payload_bytes(EVENT)
    leaf = SEALED.leaf.replace(b"consent-event", b"consent-other")
    parse_leaf(leaf)
    with pytest.raises(MalformedRecord):
        open_payload(leaf, salt=SEALED.salt, payload=payload)


def test_a_leaf_has_at_most_65535_bytes() -> None:
    with pytest.raises(MalformedRecord):
        parse_leaf(b" " * 65_536)


def test_keys_have_32_bytes_and_are_not_printed() -> None:
    with pytest.raises(MalformedRecord):
        SubjectKeys(b"short", b"\x00" * 32)
    assert KEYS.tag_key.hex() not in repr(KEYS)
    assert repr(KEYS.tag_key) not in repr(KEYS)
