"""One attempt over a real socket: TLS, names, redirects, and receivers that misbehave."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from party_node.webhooks.addresses import AddressRules, networks_of, target_of
from party_node.webhooks.connection import MAX_ANSWER_BYTES, MAX_HEAD_BYTES, Answer
from party_node.webhooks.errors import WebhookUrlRefused
from party_node.webhooks.registrations import Definition
from party_node.webhooks.sending import Sender
from party_node.webhooks.states import Cause
from tests.support.webhooks import Rig, certificate, receiving, rig

LOCAL = networks_of("127.0.0.0/8")


def post(url: str, sender: Sender | None = None, *, loopback: bool = True) -> Answer:
    sender = sender or Sender(AddressRules(), deadline_seconds=5)
    with sender.line(target_of(url, loopback=loopback)) as line:
        return line.post({"webhook-id": "msg_1"}, b"{}")


@contextmanager
def speaking(*turns: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve connections by hand, one after the other; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for turn in turns:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    turn(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    thread.join(5)
    assert not thread.is_alive()


def hear(connection: socket.socket) -> None:
    """Read one request: its body is {}."""
    heard = b""
    while not heard.endswith(b"\r\n\r\n{}"):
        got = connection.recv(65536)
        if not got:
            return
        heard += got


def says(text: bytes) -> Callable[[socket.socket], None]:
    def turn(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(text)

    return turn


def pours(start: bytes, again: bytes) -> Callable[[socket.socket], None]:
    """Answer without end, until the other side has had enough."""

    def turn(connection: socket.socket) -> None:
        hear(connection)
        try:
            connection.sendall(start)
            while True:
                connection.sendall(again)
        except OSError:
            return

    return turn


def waits(connection: socket.socket) -> None:
    """Say nothing until the other side hangs up."""
    hear(connection)
    connection.settimeout(10)
    assert connection.recv(1) == b""


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_yes(status: int) -> None:
    with receiving() as receiver:
        receiver.answer(status)
        assert post(receiver.url).delivered


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (301, Cause.REDIRECTED),
        (304, Cause.REDIRECTED),
        (400, Cause.NOT_TAKEN),
        (410, Cause.GONE),
        (429, Cause.NOT_TAKEN),
        (500, Cause.NOT_TAKEN),
        (599, Cause.NOT_TAKEN),
    ],
)
def test_every_other_status_is_a_no(status: int, cause: Cause) -> None:
    with receiving() as receiver:
        receiver.answer(status)
        answer = post(receiver.url)
    assert (answer.delivered, answer.status, answer.cause) == (False, status, cause)


def test_a_redirect_to_an_address_inside_is_not_followed() -> None:
    with receiving() as receiver, receiving() as inside:
        for status in (301, 302, 303, 307, 308):
            receiver.answer(status, Location=inside.url)
            assert post(receiver.url).cause is Cause.REDIRECTED
        assert inside.connections == 0


def test_one_connection_carries_several_messages() -> None:
    sender = Sender(AddressRules())
    with receiving() as receiver:
        with sender.line(target_of(receiver.url, loopback=True)) as line:
            for number in range(3):
                assert line.post({"webhook-id": f"msg_{number}"}, b"{}").delivered
        assert receiver.messages == ["msg_0", "msg_1", "msg_2"]
        assert receiver.connections == 1


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    ok = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    sender = Sender(AddressRules(), deadline_seconds=5)
    with speaking(ok, ok) as url, sender.line(target_of(url, loopback=True)) as line:
        assert line.post({}, b"{}").delivered
        assert line.post({}, b"{}").delivered


# -- names and addresses ---------------------------------------------------------------------------


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    with receiving() as receiver:
        sender = Sender(AddressRules(), lambda _host, _port: ["127.0.0.1"])
        url = f"https://hook.example.com:{receiver.port}/"
        with pytest.raises(WebhookUrlRefused):
            sender.require_callable(target_of(url, loopback=False))
        assert post(url, sender, loopback=False).cause is Cause.ADDRESS_REFUSED
        assert receiver.connections == 0


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]"]
)
def test_no_spelling_of_loopback_comes_through(host: str) -> None:
    sender = Sender(AddressRules())
    target = target_of(f"https://{host}/", loopback=False)
    with pytest.raises(WebhookUrlRefused):
        sender.require_callable(target)
    with sender.line(target) as line:
        assert line.post({}, b"").cause in (Cause.ADDRESS_REFUSED, Cause.UNRESOLVED)


def test_a_name_that_moves_inside_after_it_was_added_is_refused(tmp_path: Path) -> None:
    """DNS rebinding: public when the operator adds it, private when the node calls."""
    answers = [["93.184.216.34"]]
    with rig(tmp_path, resolve=lambda _host, _port: answers[0]) as made:
        url = f"https://hook.example.com:{made.receiver.port}/"
        made.hooks.registrations.add("crm", Definition(url), made.node.clock())
        answers[0] = ["127.0.0.1"]
        made.tell()
        assert made.deliver() == 1
        assert made.log() == [("waiting", 1, 0, "address-refused")]
        assert made.receiver.connections == 0


def test_the_address_that_was_checked_is_the_one_that_is_called(tmp_path: Path) -> None:
    """Whoever answers differently from one look-up to the next is asked once for each call."""
    asked = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with receiving() as receiver:
        url = f"http://hook.example.com:{receiver.port}/"
        assert post(url, Sender(AddressRules(), resolve)).delivered
        assert asked == ["hook.example.com"]
        assert receiver.received[0].headers["host"] == f"hook.example.com:{receiver.port}"


def test_what_does_not_resolve(hooks: Rig) -> None:
    def nobody(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    sender = Sender(AddressRules(), nobody)
    target = target_of("https://nowhere.example/", loopback=False)
    with pytest.raises(WebhookUrlRefused, match="not found"):
        sender.require_callable(target)
    assert post("https://nowhere.example/", sender).cause is Cause.UNRESOLVED
    label = "a" * 70  # the resolver's codec refuses it
    system = Sender(AddressRules())
    with pytest.raises(WebhookUrlRefused):
        system.require_callable(target_of(f"https://{label}.example/", loopback=False))


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/").cause is Cause.UNREACHABLE


def test_the_second_address_is_tried_where_the_first_does_not_answer() -> None:
    with receiving() as receiver:
        sender = Sender(AddressRules(), lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
        assert post(f"http://localhost:{receiver.port}/", sender).delivered


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post(receiver.url).delivered
        assert proxy.connections == 0


# -- TLS -------------------------------------------------------------------------------------------


def secure(
    folder: Path, certified: str
) -> tuple[ssl.SSLContext, Callable[[ssl.SSLContext | None], Sender]]:
    server, client = certificate(folder, certified)

    def sender(trusted: ssl.SSLContext | None) -> Sender:
        return Sender(AddressRules(LOCAL), lambda _host, _port: ["127.0.0.1"], trusted or client)

    return server, sender


def test_https_in_an_allowed_network_with_the_name_of_the_certificate(tmp_path: Path) -> None:
    server, sender = secure(tmp_path, "hook.example.com")
    with receiving(server) as receiver:
        url = f"https://hook.example.com:{receiver.port}/hook"
        assert post(url, sender(None), loopback=False).delivered
        wrong = f"https://other.example.com:{receiver.port}/hook"
        assert post(wrong, sender(None), loopback=False).cause is Cause.TLS_FAILED
        assert len(receiver.received) == 1


def test_a_certificate_of_nobody_in_particular_is_refused(tmp_path: Path) -> None:
    server, sender = secure(tmp_path, "hook.example.com")
    with receiving(server) as receiver:
        url = f"https://hook.example.com:{receiver.port}/hook"
        strangers = sender(ssl.create_default_context())
        assert post(url, strangers, loopback=False).cause is Cause.TLS_FAILED
        assert receiver.received == []


def test_a_receiver_that_speaks_no_tls() -> None:
    with receiving() as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        assert post(url).cause is Cause.TLS_FAILED


# -- receivers that misbehave ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/1.1 banana OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * (MAX_HEAD_BYTES + 10),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        bytes(range(256)) * 8,
    ],
)
def test_what_is_no_http_answer(answer: bytes) -> None:
    with speaking(says(answer)) as url:
        found = post(url)
    assert (found.cause, found.status) == (Cause.BAD_ANSWER, 0)


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Pad: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Pad: ", b"y"),
        (b"", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_head_without_end_is_left(start: bytes, again: bytes) -> None:
    with speaking(pours(start, again)) as url:
        assert post(url).cause is Cause.BAD_ANSWER


def test_a_body_without_end_is_not_read() -> None:
    for head in (
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        with speaking(pours(head, b"400\r\n" + b"x" * 1024 + b"\r\n")) as url:
            assert post(url).delivered


def test_a_body_of_nonsense_does_not_change_the_status() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    short = b"HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nxx"
    with speaking(says(chunked)) as url:
        assert post(url).delivered
    with speaking(says(short)) as url:
        assert post(url).status == 500


def test_a_receiver_that_never_answers_is_left_after_the_deadline() -> None:
    with speaking(waits) as url:
        answer = post(url, Sender(AddressRules(), deadline_seconds=0.2))
    assert answer.cause is Cause.TIMED_OUT
    assert 150 < answer.took_ms < 5_000


def test_a_receiver_that_drips_is_left_after_the_deadline() -> None:
    """Each byte comes in time; all of them do not."""
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        hear(connection)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not done.wait(0.02):
                connection.sendall(b"y")
        except OSError:
            return

    with speaking(drip) as url:
        answer = post(url, Sender(AddressRules(), deadline_seconds=0.3))
        done.set()
    assert answer.cause is Cause.TIMED_OUT


def test_a_receiver_that_never_shakes_hands_is_left_after_the_deadline() -> None:
    def silent(connection: socket.socket) -> None:
        connection.settimeout(10)
        while connection.recv(4096):
            pass

    with speaking(silent) as url:
        secured = url.replace("http:", "https:")
        answer = post(secured, Sender(AddressRules(), deadline_seconds=0.3))
    assert answer.cause is Cause.TIMED_OUT


def test_an_answer_that_is_read_is_bounded() -> None:
    assert MAX_ANSWER_BYTES <= 16 * 1024
    assert MAX_HEAD_BYTES <= 64 * 1024
