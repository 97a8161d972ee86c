"""The way to a witness: which URLs, and what a hostile server there can do to the node."""

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator

import pytest

from party_node.ledger.asking import NoAnswer
from party_node.ledger.witness_http import MOST_BYTES, HttpWitness, unusable_because


@pytest.mark.parametrize(
    "url",
    [
        "https://witness.example",
        "https://witness.example:8443/some/prefix/",
        "https://10.0.0.1/w",
        "http://127.0.0.1:8500",
        "http://127.8.8.8/w",
        "http://[::1]:8500",
        "http://localhost:8500/w",
    ],
)
def test_https_and_this_machine_are_asked(url):
    assert unusable_because(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "witness.example",
        "http://witness.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.witness.example",
        "http://127.0.0.1.witness.example",
        "ftp://witness.example",
        "file:///etc/passwd",
        "https://",
        "https:///w",
        "https://user:secret@witness.example",
        "https://witness.example/?a=b",
        "https://witness.example/?",
        "https://witness.example/#x",
        "https://witness.example:99999",
        "https://[::1",
        "https://wit\u00e9.example",
        "https://witness.example/\x7f",
    ],
)
def test_other_urls_are_refused(url):
    assert unusable_because(url)


@contextlib.contextmanager
def serving(*pieces: bytes, then: threading.Event | None = None) -> Iterator[HttpWitness]:
    """A server that takes one request and sends these bytes; with `then` it holds the line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = listener.accept()
                with line:
                    line.recv(65536)
                    for piece in pieces:
                        line.sendall(piece)
                    if then is not None:
                        then.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        witness = HttpWitness(f"http://127.0.0.1:{port}/w", answer_seconds=0.5)
        try:
            yield witness
        finally:
            witness.close()
            if then is not None:
                then.set()
            listener.close()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 0.1).close()
            thread.join()


def response(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_an_answer_is_status_and_text():
    with serving(response(409, b"17\n", "Content-Type: text/x.tlog.size")) as witness:
        assert witness.add_checkpoint(b"old 0\n\n") == (409, "17\n")


def test_a_redirect_is_not_followed():
    there = "Location: http://127.0.0.1:1/elsewhere"
    with serving(response(307, b"", there)) as witness:
        assert witness.add_checkpoint(b"x")[0] == 307


def test_an_answer_without_end_is_cut_off():
    with (
        serving(response(200, b"x" * (MOST_BYTES + 1))) as witness,
        pytest.raises(NoAnswer, match="longer than"),
    ):
        witness.add_checkpoint(b"x")


def test_a_compressed_answer_is_not_unpacked():
    bomb = gzip.compress(b"x" * 10_000_000)
    with (
        serving(response(200, bomb, "Content-Encoding: gzip")) as witness,
        pytest.raises(NoAnswer, match="compressed"),
    ):
        witness.add_checkpoint(b"x")


def test_who_is_silent_is_not_waited_for():
    with serving(then=threading.Event()) as witness, pytest.raises(NoAnswer, match="too long"):
        witness.add_checkpoint(b"x")


def test_who_stops_in_the_middle_is_not_waited_for():
    whole = response(200, b"y" * 100)
    with (
        serving(whole[:-50], then=threading.Event()) as witness,
        pytest.raises(NoAnswer, match="too long"),
    ):
        witness.add_checkpoint(b"x")


@pytest.mark.parametrize("said", [b"", b"no http\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_what_is_no_http_is_no_answer(said):
    with serving(said) as witness, pytest.raises(NoAnswer, match="connection broke"):
        witness.add_checkpoint(b"x")


def test_nobody_there_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    witness = HttpWitness(f"http://127.0.0.1:{port}")
    with pytest.raises(NoAnswer, match="no connection"):
        witness.add_checkpoint(b"x")
    witness.close()
    with pytest.raises(NoAnswer):
        witness.add_checkpoint(b"x")
