"""Signatures as Standard Webhooks has them: a known answer, and what each part changes."""

import base64

import pytest

from party_node.webhooks import signing
from tests.support.node import SeededRng
from tests.support.webhooks import verified

# From the tests of the Standard Webhooks reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_known_answer() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert signing.signature(key, MESSAGE, SECONDS, BODY) == SIGNATURE
    assert signing.shown(key) == SECRET


def test_every_part_enters_the_signature() -> None:
    key = b"k" * 32
    parts = [key, MESSAGE, SECONDS, BODY]
    first = signing.signature(*parts)
    for place, other in enumerate([b"l" * 32, "msg_other", SECONDS + 1, BODY + b" "]):
        changed = [*parts[:place], other, *parts[place + 1 :]]
        assert signing.signature(*changed) != first


def test_headers_have_one_signature_for_each_secret() -> None:
    keys = [b"new" * 11, b"old" * 11]
    found = signing.headers(keys, MESSAGE, SECONDS * 1000 + 999, BODY)
    assert found["webhook-timestamp"] == str(SECONDS)
    assert len(found["webhook-signature"].split(" ")) == 2
    for key in keys:
        assert verified(signing.shown(key), found, BODY) == MESSAGE
    with pytest.raises(AssertionError):
        verified(signing.shown(b"x" * 32), found, BODY)


def test_secrets_and_ids_are_fresh_and_of_the_stated_form() -> None:
    rng = SeededRng()
    first, second = signing.new_secret(rng), signing.new_secret(rng)
    assert len(first) == 32
    assert first != second
    assert 24 <= signing.SECRET_BYTES <= 64  # what the specification allows
    assert "." not in signing.new_message_id(rng)
    assert signing.new_message_id(rng) != signing.new_message_id(rng)
