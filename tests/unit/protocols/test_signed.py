import dataclasses

import pytest

from protocols.codec import decode, encode
from protocols.errors import ForgedEnvelope, MalformedMessage
from protocols.job import Acceptance, ReceiptSignature
from protocols.keys import PartyKeys
from protocols.signed import Signed, peek, sign, verify
from tests.support.seeded import seeded

BRAND = PartyKeys.generate("brand", seeded("brand"))
PUBLISHER = PartyKeys.generate("publisher", seeded("publisher"))
YES = Acceptance(bytes(32), "brand", "rule:always", False, 1)


def test_a_signed_record_comes_back():
    signed = decode(Signed, encode(sign(BRAND, YES)))
    assert peek(Acceptance, signed) == YES
    assert verify(Acceptance, signed, BRAND.public()) == YES


def test_a_record_that_another_party_signed_is_refused():
    with pytest.raises(ForgedEnvelope):
        verify(Acceptance, sign(PUBLISHER, YES), BRAND.public())


def test_a_signature_under_another_name_is_refused():
    renamed = dataclasses.replace(sign(PUBLISHER, YES), signer="brand")
    with pytest.raises(ForgedEnvelope):
        verify(Acceptance, renamed, BRAND.public())


def test_a_changed_body_is_refused():
    body = encode(dataclasses.replace(YES, reveal=True))
    with pytest.raises(ForgedEnvelope):
        verify(Acceptance, dataclasses.replace(sign(BRAND, YES), body=body), BRAND.public())


def test_one_kind_of_record_never_passes_for_another():
    signed = sign(BRAND, ReceiptSignature("brand", bytes(64)))
    with pytest.raises(ForgedEnvelope):
        verify(Acceptance, signed, BRAND.public())
    with pytest.raises(MalformedMessage):
        peek(Acceptance, signed)
