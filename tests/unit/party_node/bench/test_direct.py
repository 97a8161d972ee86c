"""Two ends of one loopback connection."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from party_node.bench import direct
from party_node.bench.direct import DirectPost
from party_node.errors import CoordinatorUnreachable


@pytest.fixture
def ends():
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listening = pool.submit(DirectPost.listen, listener)
        other = DirectPost.connect(listener.getsockname()[1])
        one = listening.result(30)
    yield one, other
    one.close()
    other.close()


def test_envelopes_arrive_whole_and_in_order(ends):
    one, other = ends
    sent = [bytes([i]) * (70_000 * i) for i in range(5)]
    for step, envelope in enumerate(sent):
        one.put_message("job", ("a", "x"), step, envelope)
    assert [other.get_message("job", ("a", "x"), step, 30) for step in range(5)] == sent


def test_two_sides_that_both_send_much_at_once_do_not_wait_for_each_other(ends, monkeypatch):
    monkeypatch.setattr(direct, "MOST_BYTES", 1000)
    sent = [bytes([i]) * 900_000 for i in range(12)]
    for step, envelope in enumerate(sent):  # far more than a connection holds by itself
        for end in ends:
            end.put_message("job", ("a", "x"), step, envelope)
    for end in ends:
        assert [end.get_message("job", ("a", "x"), step, 30) for step in range(12)] == sent


def test_what_has_not_come_is_none(ends):
    assert ends[0].get_message("job", ("b", "x"), 0, 0) is None


def test_an_end_that_has_gone_is_noticed(ends):
    one, other = ends
    other.put_message("job", ("b", "x"), 0, b"last")
    other.close()
    assert one.get_message("job", ("b", "x"), 0, 30) == b"last"
    with pytest.raises(CoordinatorUnreachable):
        one.get_message("job", ("b", "x"), 1, 30)
