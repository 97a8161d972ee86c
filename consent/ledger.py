"""Sealing a record into the ledger and opening it again: leaf, commitment, tag, ciphertext.

A leaf is what the tree holds for ever. It says nothing that describes a person:

    {"controller": …, "entry_id": …, "pcom": …, "ptag": …, "recorded_at": …, "type": …, "v": 1}

`pcom` commits to the payload under a random salt; `ptag` lets the holder of the person's tag key,
and nobody else, find the person's entries. Payload ciphertext, nonce and salt lie beside the log
and can be deleted; destroying the two keys of a subject makes what is left of them anywhere
unreadable.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent import fields, instants
from consent.canonical import parse_any
from consent.errors import LedgerInconsistent, MalformedRecord
from consent.fields import Entry, Payload, field
from consent.merkle import leaf_hash
from consent.records import kind_of

Rng = Callable[[int], bytes]
"""Returns that many random bytes."""

MAX_LEAF_BYTES = 65_535
KEY_BYTES = 32
SALT_BYTES = 32
NONCE_BYTES = 12

_COMMITMENT_LABEL = b"pcom/v1"
_ENTRY_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)
_LEAF = re.compile(
    rb'\{"controller":"([a-z0-9._:/*-]+)","entry_id":"(' + _ENTRY_ID.pattern.encode() + rb')"'
    rb'(?:,"notice_hash":"([0-9a-f]{64})")?,"pcom":"([0-9a-f]{64})"'
    rb'(?:,"policy_hash":"([0-9a-f]{64})")?,"ptag":"([0-9a-f]{64})"'
    rb',"recorded_at":"([0-9TZ:.-]{24})","type":"([a-z0-9._:/*-]+)","v":([1-9][0-9]{0,6})\}'
)
"""Every leaf that is one: what it matches is canonical, if time, names and version are in range."""


def _check_entry_id(value: Any) -> str:
    if type(value) is not str or _ENTRY_ID.fullmatch(value) is None:
        raise MalformedRecord("an entry id is a UUID of version 7")
    return value


@dataclass(frozen=True, slots=True, repr=False)
class SubjectKeys:
    """The two keys of one subject, 32 bytes each; destroyed on erasure."""

    tag_key: bytes
    data_key: bytes

    def __post_init__(self) -> None:
        if len(self.tag_key) != KEY_BYTES or len(self.data_key) != KEY_BYTES:
            raise MalformedRecord("a subject's keys have 32 bytes each")

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Return new keys."""
        return cls(rng(KEY_BYTES), rng(KEY_BYTES))


_ENTRY, _VERSION = fields.plain(_check_entry_id), fields.integer(1, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(Payload):
    """What one entry of the tree says."""

    type: str = field(fields.name)
    v: int = field(_VERSION)
    entry_id: str = field(_ENTRY)
    controller: str = field(fields.name)
    recorded_at_ms: int = field(fields.time)
    pcom: bytes = field(fields.digest)
    ptag: bytes = field(fields.digest)
    notice_hash: bytes | None = field(fields.digest, None)
    policy_hash: bytes | None = field(fields.digest, None)


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """One entry, ready to be stored: the leaf for ever, the rest until it is erased."""

    entry_id: str
    leaf: bytes
    leaf_hash: bytes
    salt: bytes
    nonce: bytes
    ciphertext: bytes


def seal_entry(
    record: Entry,
    *,
    controller: str,
    keys: SubjectKeys,
    recorded_at_ms: int,
    rng: Rng,
    chain: tuple[int, bytes | None] | None = None,
) -> SealedEntry:
    """Return `record` as an entry of the ledger of `controller`.

    `chain` is the place of a consent event among its person's: it stands for what the record says
    as `subject_seq` and `previous`. Draws 54 random bytes. Raises: MalformedRecord if a field is
    outside its range.
    """
    if chain is None:
        payload = record.canonical()
    else:
        payload = record.canonical(subject_seq=chain[0], previous=chain[1])
    recorded_at = instants.to_text(recorded_at_ms)
    drawn = rng(SALT_BYTES + NONCE_BYTES + 10)
    salt, nonce = drawn[:SALT_BYTES], drawn[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
    entry_id = _entry_id(recorded_at_ms, drawn[SALT_BYTES + NONCE_BYTES :])
    leaf = _leaf_bytes(
        record,
        entry_id=entry_id,
        controller=controller,
        recorded_at=recorded_at,
        pcom=commitment(salt, payload),
        ptag=tag(keys.tag_key, entry_id),
    )
    associated = _associated(entry_id, controller, record.TYPE)
    ciphertext = AESGCM(keys.data_key).encrypt(nonce, payload, associated)
    return SealedEntry(entry_id, leaf, leaf_hash(leaf), salt, nonce, ciphertext)


def _leaf_bytes(
    record: Entry, *, entry_id: str, controller: str, recorded_at: str, pcom: bytes, ptag: bytes
) -> bytes:
    """Return the canonical bytes of a leaf: its keys in their order, nothing to escape."""
    notice, policy = record.leaf_hash_of("notice_hash"), record.leaf_hash_of("policy_hash")
    return (
        f'{{"controller":{fields.name.text(controller)},"entry_id":"{entry_id}"'
        f"{_member('notice_hash', notice)}"
        f',"pcom":"{pcom.hex()}"'
        f"{_member('policy_hash', policy)}"
        f',"ptag":"{ptag.hex()}","recorded_at":"{recorded_at}"'
        f',"type":"{record.TYPE}","v":{record.VERSION}}}'
    ).encode()


def _member(key: str, value: bytes | None) -> str:
    return "" if value is None else f',"{key}":{fields.digest.text(value)}'


def open_entry(
    leaf: bytes,
    *,
    salt: bytes,
    nonce: bytes,
    ciphertext: bytes,
    keys: SubjectKeys,
    controller: str,
) -> Entry:
    """Decrypt an entry's payload and check it against its leaf.

    Raises: MalformedRecord if the leaf is none; LedgerInconsistent if it is of another controller,
    the ciphertext, the commitment or the tag does not fit, or the leaf names another notice or
    policy.
    """
    parsed = parse_leaf(leaf)
    if parsed.controller != controller:
        raise LedgerInconsistent("the entry is of another controller")
    if not hmac.compare_digest(parsed.ptag, tag(keys.tag_key, parsed.entry_id)):
        raise LedgerInconsistent("the entry has the tag of another subject")
    if len(nonce) != NONCE_BYTES:
        raise LedgerInconsistent("the nonce of an entry has 12 bytes")
    associated = _associated(parsed.entry_id, parsed.controller, parsed.type)
    try:
        payload = AESGCM(keys.data_key).decrypt(nonce, ciphertext, associated)
    except InvalidTag as e:
        raise LedgerInconsistent("the ciphertext is not the one that was sealed") from e
    return _open_payload(parsed, salt, payload)


def open_payload(leaf: bytes, *, salt: bytes, payload: bytes) -> Entry:
    """Check a payload in clear against its leaf's commitment; no keys needed.

    Raises: MalformedRecord if the leaf or the payload is none; LedgerInconsistent if the commitment
    does not fit, or the leaf names another notice or policy.
    """
    return _open_payload(parse_leaf(leaf), salt, payload)


def _open_payload(leaf: Leaf, salt: bytes, payload: bytes) -> Entry:
    if len(salt) != SALT_BYTES or commitment(salt, payload) != leaf.pcom:
        raise LedgerInconsistent("the payload is not the one that the leaf commits to")
    record = kind_of(leaf.type, leaf.v).from_payload(parse_any(payload))
    if record.canonical() != payload:
        raise MalformedRecord("the payload is not in its canonical form")
    named = record.leaf_hash_of("notice_hash"), record.leaf_hash_of("policy_hash")
    if named != (leaf.notice_hash, leaf.policy_hash):
        raise LedgerInconsistent("the leaf names another notice or policy than its payload")
    return record


def parse_leaf(leaf: bytes) -> Leaf:
    """Read a leaf.

    Raises: MalformedRecord if it is none, or not in its canonical form.
    """
    if len(leaf) > MAX_LEAF_BYTES:
        raise MalformedRecord("a leaf has at most 65535 bytes")
    plain = _LEAF.fullmatch(leaf)
    if plain is not None:
        texts: list[Any] = [None if part is None else part.decode() for part in plain.groups()]
        return _plain_leaf(*texts)
    parsed = Leaf.from_payload(parse_any(leaf))
    if parsed.canonical() != leaf:
        raise MalformedRecord("the leaf is not in its canonical form")
    return parsed


def _plain_leaf(
    controller: str,
    entry_id: str,
    notice: str | None,
    pcom: str,
    policy: str | None,
    ptag: str,
    recorded_at: str,
    kind: str,
    version: str,
) -> Leaf:
    return Leaf(
        type=fields.name.read(kind),
        v=_VERSION.read(int(version)),
        entry_id=entry_id,
        controller=fields.name.read(controller),
        recorded_at_ms=instants.from_text(recorded_at),
        pcom=bytes.fromhex(pcom),
        ptag=bytes.fromhex(ptag),
        notice_hash=None if notice is None else bytes.fromhex(notice),
        policy_hash=None if policy is None else bytes.fromhex(policy),
    )


def commitment(salt: bytes, payload: bytes) -> bytes:
    """Return the `pcom` of a payload: SHA-256("pcom/v1" ‖ salt ‖ payload), 32 bytes."""
    return hashlib.sha256(_COMMITMENT_LABEL + salt + payload).digest()


def tag(tag_key: bytes, entry_id: str) -> bytes:
    """Return the `ptag` of an entry: HMAC-SHA-256(tag_key, "tag" ‖ entry id), 32 bytes."""
    return hmac.digest(tag_key, b"tag" + entry_id.encode(), "sha256")


def _associated(entry_id: str, controller: str, entry_type: str) -> bytes:
    return (entry_id + controller + entry_type).encode()


def _entry_id(recorded_at_ms: int, drawn: bytes) -> str:
    """Return a UUID of version 7 (RFC 9562 §5.7): 48 bits of time, 74 random bits."""
    value = recorded_at_ms << 80 | int.from_bytes(drawn, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
