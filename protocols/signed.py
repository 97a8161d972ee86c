"""A record with its signer: how descriptions, acceptances and agreements travel.

The record's kind is the label of the signature, so a signed acceptance can never pass for a signed
job.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from protocols.codec import Record, decode, encode
from protocols.errors import ForgedEnvelope
from protocols.keys import PartyKeys, PartyPublic

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Signed(Record):
    """An encoded record, who signed it, and the signature."""

    KIND: ClassVar[str] = "signed/1"
    body: bytes
    signer: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedBySeveral(Record):
    """Records of one kind, each signed by its own party."""

    KIND: ClassVar[str] = "signed-by-several/1"
    each: tuple[Signed, ...]


def sign(keys: PartyKeys, record: Record) -> Signed:
    """Sign a record's encoding under its kind."""
    body = encode(record)
    return Signed(body, keys.party, keys.sign(record.KIND.encode(), body))


def peek(kind: type[R], signed: Signed) -> R:
    """Read the record without checking who signed it: only to learn whose key to check with.

    Raises: MalformedMessage.
    """
    return decode(kind, signed.body)


def verify(kind: type[R], signed: Signed, public: PartyPublic) -> R:
    """Return the record if `public` signed it.

    Raises: ForgedEnvelope, MalformedMessage.
    """
    if signed.signer != public.party:
        raise ForgedEnvelope(f"signed as {signed.signer}, expected {public.party}")
    public.verify(signed.signature, kind.KIND.encode(), signed.body)
    return decode(kind, signed.body)
