"""Global Privacy Control beyond the vectors: sizes, depths, and what may be written."""

import pytest

from consent.signals import gpc
from consent.signals.errors import MalformedSignal
from consent.signals.gpc import Support, SupportStatement


def test_one_header_of_several_is_enough() -> None:
    assert gpc.is_set([("Sec-GPC", "0"), ("accept", "*/*"), (b"SEC-gpc", b"1")])
    assert not gpc.is_set([("Sec-GPC", "0"), ("Sec-GPC", "11")])
    assert not gpc.is_set([(b"sec-gpc", b"\xff1")])


@pytest.mark.parametrize(
    "body",
    [
        b'{"gpc":true,"x":' + b"[" * 60_000 + b"]" * 2,
        b'{"gpc":true}' + b" " * (1 << 16),
        b'\xef\xbb\xbf{"gpc":true}',
        b'{"gpc":true,"x":"\xff"}',
        b'{"gpc":"\\ud800"}',
    ],
)
def test_bodies_that_say_nothing(body: bytes) -> None:
    assert gpc.parse_support(body) == SupportStatement()


def test_a_long_number_is_passed_over() -> None:
    body = b'{"x":' + b"9" * 60_000 + b',"gpc":true}'
    assert gpc.parse_support(body).support is Support.YES


@pytest.mark.parametrize(
    "statement",
    [
        SupportStatement(Support.UNKNOWN, "2025-04-15"),
        SupportStatement(Support.YES, None),
        SupportStatement(Support.YES, "15 April 2025"),
        SupportStatement(Support.YES, "2025-04-15T24:00:00Z"),
        SupportStatement(Support.YES, "2025-04-15T10:00:00"),
    ],
)
def test_statements_that_are_not_written(statement: SupportStatement) -> None:
    with pytest.raises(MalformedSignal):
        gpc.encode_support(statement)


def test_the_body_of_a_statement() -> None:
    body = gpc.encode_support(SupportStatement(Support.YES, "2025-04-15"))
    assert body == b'{"gpc":true,"lastUpdate":"2025-04-15"}'
