import dataclasses

import pytest

from protocols.codec import decode, encode
from protocols.envelope import Envelope, Header, open_envelope, peek_header, seal
from protocols.errors import ForgedEnvelope, LocalError, MalformedMessage, ProtocolError
from protocols.keys import PartyKeys
from tests.support.seeded import seeded

BRAND = PartyKeys.generate("brand", seeded("brand"))
PUBLISHER = PartyKeys.generate("publisher", seeded("publisher"))
STRANGER = PartyKeys.generate("brand", seeded("stranger"))
HEADER = Header("0123456789abcdef0123456789abcdef", "brand", "publisher", 3)
BODY = b"forty-two"


def sealed() -> bytes:
    return seal(BRAND, PUBLISHER.public(), HEADER, BODY)


def opened(data: bytes, **changes: object) -> bytes:
    expected = dataclasses.replace(HEADER, **changes)
    return open_envelope(PUBLISHER, BRAND.public(), expected, data)


def test_the_recipient_reads_the_body():
    assert opened(sealed()) == BODY


def test_an_empty_body_and_a_large_one_come_through():
    for body in (b"", bytes(3_000_000)):
        assert opened(seal(BRAND, PUBLISHER.public(), HEADER, body)) == body


def test_the_relay_reads_the_header_and_not_the_body():
    data = sealed()
    assert peek_header(data) == HEADER
    assert BODY not in data


def test_sealing_twice_gives_other_bytes():
    assert sealed() != sealed()


def test_any_flipped_bit_is_refused():
    data = sealed()
    # All bits of the header and of the ends; elsewhere one bit in each of many bytes.
    places = {8 * i + i % 8 for i in range(0, len(data), 7)}
    places |= set(range(8 * 100)) | set(range(8 * (len(data) - 70), 8 * len(data), 3))
    for place in sorted(places):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(ForgedEnvelope):
            opened(bytes(changed))


def test_a_shortened_or_lengthened_envelope_is_refused():
    data = sealed()
    for changed in (b"", data[:-1], data + b"\x00", data[:100]):
        with pytest.raises(ForgedEnvelope):
            opened(changed)


@pytest.mark.parametrize("change", [{"step": 4}, {"step": 2}, {"job": "f" * 32}])
def test_an_envelope_replayed_at_another_place_is_refused(change):
    with pytest.raises(ForgedEnvelope):
        opened(sealed(), **change)


def test_a_header_rewritten_to_the_expected_one_is_refused():
    envelope = decode(Envelope, sealed())
    moved = dataclasses.replace(HEADER, step=4)
    with pytest.raises(ForgedEnvelope):
        opened(encode(dataclasses.replace(envelope, header=moved)), step=4)


def test_a_reflected_envelope_is_refused():
    expected = Header(HEADER.job, "publisher", "brand", 3)
    with pytest.raises(ForgedEnvelope):
        open_envelope(BRAND, PUBLISHER.public(), expected, sealed())


def test_an_envelope_of_a_stranger_with_the_same_name_is_refused():
    data = seal(STRANGER, PUBLISHER.public(), HEADER, BODY)
    with pytest.raises(ForgedEnvelope):
        opened(data)


def test_a_body_resealed_by_a_stranger_is_refused():
    # The signature covers what was sealed: another seal needs another signature.
    genuine = decode(Envelope, sealed())
    forged = decode(Envelope, seal(STRANGER, PUBLISHER.public(), HEADER, BODY))
    mixed = dataclasses.replace(forged, signature=genuine.signature)
    with pytest.raises(ForgedEnvelope):
        opened(encode(mixed))


def test_an_envelope_sealed_to_another_key_is_refused():
    other = PartyKeys.generate("publisher", seeded("other publisher"))
    with pytest.raises(ForgedEnvelope):
        opened(seal(BRAND, other.public(), HEADER, BODY))


def test_headers_that_do_not_fit_the_keys_are_our_own_mistake():
    with pytest.raises(LocalError):
        seal(BRAND, PUBLISHER.public(), dataclasses.replace(HEADER, sender="x"), BODY)
    with pytest.raises(LocalError):
        seal(BRAND, PUBLISHER.public(), dataclasses.replace(HEADER, step=-1), BODY)
    with pytest.raises(LocalError):
        opened(sealed(), recipient="x")


def test_peeking_at_anything_else_is_refused():
    for data in (b"", b"\x80", encode(HEADER)):
        with pytest.raises(MalformedMessage):
            peek_header(data)


def test_peeking_never_raises_anything_else():
    data = sealed()
    for place in range(0, 8 * 200, 3):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        try:
            peek_header(bytes(changed))
        except ProtocolError as e:
            assert type(e) is MalformedMessage  # noqa: PT017 - most flips are read well
