"""The pages about webhooks say what the code does: example, tables, and a receiver that runs."""

import base64
import hashlib
import hmac
import inspect
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from consent import instants
from party_node.webhooks import courier, schedule, signing, worker
from party_node.webhooks.connection import MAX_ANSWER_BYTES, MAX_HEAD_BYTES
from party_node.webhooks.events import CONTENT, FIELDS, EventType, encode
from party_node.webhooks.sending import DEADLINE_SECONDS
from party_node.webhooks.states import Cause, DeliveryState, Reason, WebhookState

DOCS = Path(__file__).resolve().parents[2] / "docs"
SPEC = (DOCS / "spec" / "webhooks.md").read_text(encoding="utf-8")
OPERATE = (DOCS / "operate" / "webhooks.md").read_text(encoding="utf-8")
SECRET = re.search(r"`(whsec_[^`]+)`", SPEC)[1]  # type: ignore[index]


def table(page: str, head: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is this one."""
    lines = page[page.index(f"| {head} |") :].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def example() -> tuple[dict[str, str], bytes]:
    """Return headers and body of the example."""
    text = SPEC.split("```http\n")[1].split("\n```")[0]
    head, body = text.split("\n\n")
    pairs = (line.split(": ", 1) for line in head.split("\n")[1:])
    return {name.lower(): value for name, value in pairs}, body.encode("ascii")


def test_the_signature_of_the_example_is_right() -> None:
    headers, body = example()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-length"] == str(len(body))


def test_the_node_would_send_the_example() -> None:
    headers, body = example()
    content = json.loads(body)
    happened = instants.from_text(content["timestamp"])
    assert encode(EventType(content["type"]), happened, content["data"]) == body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    now_ms = int(headers["webhook-timestamp"]) * 1000
    made = signing.headers([key], headers["webhook-id"], now_ms, body)
    assert made == {name: headers[name] for name in made}
    assert signing.shown(key) == SECRET


def test_every_type_has_a_row_with_its_fields() -> None:
    rows = table(SPEC, "type")
    assert [words(row[0]) for row in rows] == [{each.value} for each in EventType]
    for row, each in zip(rows, EventType, strict=True):
        assert words(row[2]) == CONTENT[each].required, each
        assert words(row[3]) == CONTENT[each].optional, each


def test_every_field_has_a_row_with_its_kind() -> None:
    rows = {row[0].strip("`"): row[1] for row in table(SPEC, "field")}
    assert rows == {name: kind.value for name, kind in FIELDS.items()}


def test_the_headers_are_those_that_are_sent() -> None:
    made = signing.headers([b"k" * 32], "msg_1", 0, b"")
    assert [row[0].strip("`") for row in table(SPEC, "header")] == list(made)


def test_the_waits_are_those_of_the_schedule() -> None:
    units = {"second": 1, "minute": 60, "hour": 3600}
    stated = []
    for row in table(OPERATE, "after failure"):
        number, unit = row[1].split()
        stated.append(int(number) * units[unit.rstrip("s")])
    assert tuple(stated) == schedule.WAITS_SECONDS
    assert f"After {len(stated) + 1} attempts" in OPERATE


def test_every_state_reason_and_cause_has_a_row() -> None:
    for head, kind in (
        ("state of a webhook", WebhookState),
        ("reason", Reason),
        ("state of a delivery", DeliveryState),
        ("cause", Cause),
    ):
        rows = [row[0].strip("`") for row in table(OPERATE, head)]
        assert rows == [each.value for each in kind if each.value], head


def test_every_event_of_the_log_has_a_row() -> None:
    source = inspect.getsource(courier) + inspect.getsource(worker)
    logged = set(re.findall(r"\blog\.\w+\(\s*\"([a-z-]+)\"", source))
    assert {row[0].strip("`") for row in table(OPERATE, "event")} == logged


def test_the_times_and_bounds_are_those_of_the_code() -> None:
    day = schedule.DAY_MS
    for said, is_so in (
        (f"for {schedule.OVERLAP_HOURS} hours", True),
        (f"up to {schedule.LONGEST_OVERLAP_HOURS}", True),
        ("at most five minutes", schedule.LONGEST_HOLD_MS == 300_000),
        ("for three days of trying", 3 * day == schedule.DISABLE_AFTER_MS),
        (f"kept for {schedule.GIVE_UP_AFTER_MS // day} days", True),
        (f"stays for {schedule.KEEP_LOG_MS // day} days", True),
        (f"within {DEADLINE_SECONDS:.0f} seconds", True),
        (f"at most {MAX_ANSWER_BYTES // 1024} KiB", True),
        (f"more than {MAX_HEAD_BYTES // 1024} KiB", True),
        ("up to eight webhooks", worker.MOST_AT_ONCE == 8),
    ):
        assert " ".join(OPERATE.split()).lower().count(said.lower()), said
        assert is_so, said
    assert "up to an hour" in SPEC
    assert schedule.LONGEST_RETRY_AFTER_MS == 3_600_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_the_receiver_on_the_page_runs(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", OPERATE, re.DOTALL)
    assert len([line for line in source.splitlines() if line.strip()]) <= 25
    inbox, port, key = tmp_path / "inbox.db", free_port(), bytes(range(32))
    environment = {
        **os.environ,
        "WEBHOOK_SECRET": signing.shown(key),
        "WEBHOOK_INBOX": str(inbox),
        "WEBHOOK_PORT": str(port),
    }
    now_ms = time.time_ns() // 1_000_000
    body = encode(EventType.WEBHOOK_TEST, now_ms, {"webhook": "crm"})
    good = signing.headers([key, b"o" * 32], "msg_1", now_ms, body)
    rotated = signing.headers([b"n" * 32, key], "msg_2", now_ms, body)
    old = signing.headers([key], "msg_3", now_ms - 301_000, body)
    strangers = signing.headers([b"x" * 32], "msg_4", now_ms, body)
    words = [sys.executable, "-c", source]
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            http = httpx2.Client(
                base_url=f"http://127.0.0.1:{port}",
                trust_env=False,
                transport=httpx2.HTTPTransport(retries=8),
            )
            with http:
                said = [
                    http.post("/", content=content, headers=headers).status_code
                    for headers, content in (
                        (good, body),
                        (good, body),
                        (rotated, body),
                        (good, body + b" "),
                        (old, body),
                        (strangers, body),
                        ({}, body),
                    )
                ]
        finally:
            process.kill()
    assert said == [204, 204, 204, 401, 401, 401, 401]
    with sqlite3.connect(inbox) as rows:
        kept = rows.execute("SELECT id, body FROM inbox ORDER BY id").fetchall()
    rows.close()
    assert kept == [("msg_1", body), ("msg_2", body)]


@pytest.mark.parametrize("page", [SPEC, OPERATE], ids=["spec", "operate"])
def test_no_example_holds_somebody(page: str) -> None:
    assert not re.findall(r"[\w.]+@[\w.]+", page)
