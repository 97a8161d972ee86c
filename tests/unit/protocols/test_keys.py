import dataclasses

import pytest

from protocols.codec import decode, encode
from protocols.errors import ForgedEnvelope, LocalError
from protocols.keys import PartyKeys, PartyPublic
from tests.support.seeded import seeded

BRAND = PartyKeys.generate("brand", seeded("brand"))
OTHER = PartyKeys.generate("brand", seeded("other"))


def test_keys_and_their_public_half_have_one_encoding():
    public = BRAND.public()
    assert decode(PartyKeys, encode(BRAND)) == BRAND
    assert decode(PartyPublic, encode(public)) == public
    assert (len(public.signing), len(public.mlkem), len(public.x25519)) == (32, 1184, 32)


def test_the_same_seeds_give_the_same_keys():
    assert PartyKeys.generate("brand", seeded("brand")).public() == BRAND.public()


def test_seeds_are_not_shown():
    shown = repr(BRAND)
    assert "signing_seed" not in shown
    assert BRAND.signing_seed.hex() not in shown


def test_a_fingerprint_is_eight_groups_and_depends_on_every_part():
    public = BRAND.public()
    assert [len(group) for group in public.fingerprint().split(" ")] == [4] * 8
    for change in (
        {"party": "brand2"},
        {"signing": bytes(32)},
        {"mlkem": bytes(1184)},
        {"x25519": bytes(32)},
    ):
        assert dataclasses.replace(public, **change).fingerprint() != public.fingerprint()


def test_a_signature_is_checked():
    signature = BRAND.sign(b"label", b"message")
    BRAND.public().verify(signature, b"label", b"message")


@pytest.mark.parametrize(
    ("public", "label", "message"),
    [
        (OTHER.public(), b"label", b"message"),
        (BRAND.public(), b"label", b"messagf"),
        (BRAND.public(), b"labem", b"message"),
        # The border between label and message is part of what is signed.
        (BRAND.public(), b"labelm", b"essage"),
    ],
)
def test_a_signature_for_something_else_is_refused(public, label, message):
    signature = BRAND.sign(b"label", b"message")
    with pytest.raises(ForgedEnvelope):
        public.verify(signature, label, message)


def test_a_key_that_is_no_key_is_refused():
    broken = dataclasses.replace(BRAND.public(), mlkem=b"short", signing=b"short")
    with pytest.raises(LocalError):
        broken.sealing_key()
    with pytest.raises(ForgedEnvelope):
        broken.verify(bytes(64), b"label", b"message")
