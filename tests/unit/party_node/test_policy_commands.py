"""`accord policy`, `accord notice` and what `accord consent` takes from them, by command."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from party_node.policy.reading import read_policy
from tests.support.policies import example
from tests.support.running_node import AUDIENCE, Node, running_pair

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ANN = ("--email", "ann@example.com")
TEXT = b"\xef\xbb\xbfWe share your e-mail address.\r\nYou may say no.\n\x1b[0m"


class Shop:
    """A node, spoken to by command."""

    def __init__(self, node: Node, folder: Path, capsys: pytest.CaptureFixture[bytes]) -> None:
        self.node, self.folder, self._capsys = node, folder, capsys

    def raw(self, *words: str, code: int = 0) -> tuple[bytes, str]:
        home = [] if words[:2] == ("policy", "check") else ["--home", str(self.folder)]
        assert cli.run([*words, *home]) == code
        captured = self._capsys.readouterr()
        return captured.out, captured.err.decode()

    def accord(self, *words: str, code: int = 0) -> str:
        out, err = self.raw(*words, code=code)
        return out.decode() + err

    def answer(self, *words: str) -> Any:
        return json.loads(self.accord(*words, "--json"))

    def file(self, content: str | bytes, name: str = "policy.yaml") -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


@pytest.fixture
def shop(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Iterator[Shop]:
    with capture_logs(), running_pair(tmp_path) as made:
        node = made.shop

        def found(_home: Path) -> LocalClient:
            return LocalClient("http://shop.test", node.running.token, node.stranger._transport)

        monkeypatch.setattr(LocalClient, "of", found)
        yield Shop(node, tmp_path, capsysbinary)


def test_from_showing_to_applying_to_history(shop: Shop) -> None:
    shop.accord("consent", "give", *ANN, "--purpose", AUDIENCE)
    shown = shop.accord("policy", "show")
    assert "joint-audience" in shown
    assert "0 notices" in shown
    yaml = shop.accord("policy", "show", "--yaml")
    assert read_policy(yaml) == shop.node.services.vocabulary
    assert "nothing is written" in shop.accord("policy", "apply", shop.file(yaml), "--by", "dana")
    path = shop.file(example())
    said = shop.accord("policy", "apply", path, "--by", "dana", "--dry-run")
    assert "purpose newsletter added\n" in said
    assert said.count("(1 lose)") == 1
    assert "purpose joint-audience changed: title: " in said
    assert "who lose something: 1" in said
    assert "this was a dry run" in said
    assert len(shop.answer("policy", "history")) == 1
    done = shop.accord("policy", "apply", path, "--by", "dana")
    assert "in force since entry 2 of the consent ledger" in done
    history = shop.accord("policy", "history")
    assert "person:dana" in history
    assert "purpose newsletter added" in history
    newest, first = shop.answer("policy", "history")
    earlier = shop.answer("policy", "show", "--hash", first["policy_hash"])
    assert read_policy(earlier["yaml"]) != read_policy(shop.accord("policy", "show", "--yaml"))
    assert newest["entry"] == 2
    assert "not permitted: renewal-required" in shop.accord(
        "consent", "explain", *ANN, "--purpose", AUDIENCE, "--operation", "activate", code=3
    )


def test_a_file_is_checked_without_a_node(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nobody(_home: Path) -> LocalClient:
        raise AssertionError("no node is asked")

    monkeypatch.setattr(LocalClient, "of", nobody)
    said = shop.accord("policy", "check", shop.file(example()))
    assert said == "policy.yaml can be used: 4 purposes, 2 recipients, 3 sources, 2 regimes\n"
    assert shop.answer("policy", "check", shop.file(example()))["purposes"] == 4
    wrong = shop.accord("policy", "check", shop.file("purposes: {a: {}}"), code=1)
    assert wrong.startswith("accord: error: line 1: purposes.a.title: this is missing: write it\n")
    assert "accord: hint: docs/operate/policy.md" in wrong
    assert "No such file" in shop.accord("policy", "check", str(tmp_path / "none"), code=2)


def publish(shop: Shop, content: bytes, *more: str, version: str = "1", code: int = 0) -> str:
    return shop.accord(
        "notice", "publish", shop.file(content, "notice.txt"), "--id", "joint", "--version",
        version, "--language", "en", "--purposes", f"{AUDIENCE}, partner-marketing", "--by",
        "dana", *more, code=code,
    )  # fmt: skip


def test_a_notice_from_file_to_screen_byte_for_byte(shop: Shop) -> None:
    picture = shop.file(b"\x89PNG", "notice.png")
    digest = hashlib.sha256(TEXT).hexdigest()
    said = publish(shop, TEXT, "--recipients", "publisher", "--layout-image", picture)
    assert said == f"{digest}\npublished as entry 2 of the consent ledger\n"
    again = publish(shop, TEXT, "--recipients", "publisher", "--layout-image", picture)
    assert again == f"{digest}\npublished already, as entry 2: nothing is written\n"
    assert shop.raw("notice", "show", digest[:8]) == (TEXT, "")
    assert shop.answer("notice", "show", digest)["text"].encode() == TEXT
    (found,) = shop.answer("notice", "list")
    assert found["layout_hash"] == hashlib.sha256(b"\x89PNG").hexdigest()
    assert found["purposes"] == [AUDIENCE, "partner-marketing"]
    listed = shop.accord("notice", "list")
    assert "current" in listed
    assert digest in listed
    assert "notice-conflict" not in publish(shop, TEXT + b"x", code=1)


def test_two_versions_are_compared_line_by_line(shop: Shop) -> None:
    publish(shop, b"We share.\nWith one.")
    later = publish(
        shop, b"We share.\nWith two.\n", "--replaces-current", "--requires-renewal",
        "--valid-from", "2099-01-01", version="2",
    )  # fmt: skip
    old, new = (n["notice_hash"] for n in shop.answer("notice", "list"))
    assert later.startswith(new)
    said = shop.accord("notice", "diff", old[:10], new).splitlines()
    assert said[3:] == [
        " We share.", "-With one.", "-\\ No newline at end of text", "+With two."
    ]  # fmt: skip
    assert shop.accord("notice", "diff", old, old) == "the texts are the same\n"
    assert [n["requires_renewal"] for n in shop.answer("notice", "list")] == [False, True]
    assert "superseded" in shop.accord("notice", "list")
    assert "2099-01-01" in shop.accord("notice", "list")
    assert "give at least 8 digits" in shop.accord("notice", "show", old[:5], code=2)


def test_a_text_that_is_not_utf_8_is_refused(shop: Shop) -> None:
    assert "save it as UTF-8" in publish(shop, "für".encode("latin-1"), code=2)


def test_a_yes_with_all_that_belongs_to_it(shop: Shop) -> None:
    publish(shop, TEXT)
    said = shop.accord(
        "consent", "give", *ANN, "--purpose", AUDIENCE, "--channel", "email", "--notice",
        "joint:1:en", "--valid-for", "P1D", "--age-band", "16-17", "--relation", "guardian",
        "--at", "2026-01-05T10:00+01:00", "--residence", "CH", "--listed", "a-b,c", "--written",
        "--separate", "--source", "desk", "--jurisdiction", "DE",
    )  # fmt: skip
    assert "it holds until 2026-01-06 09:00 UTC" in said
    assert "it is kept for a new person" in said
    event: Any = shop.node.services.ledger.entry(3).record
    assert event.notice_hash == hashlib.sha256(TEXT).digest()
    assert (event.channel, event.age_band, event.relation) == ("email", "16-17", "guardian")
    assert (event.residence, event.jurisdiction, event.source_id) == ("CH", "DE", "desk")
    assert (event.listed, event.written, event.separate) == (("a-b", "c"), True, True)


@pytest.mark.parametrize("verb", ["refuse", "withdraw"])
def test_a_no_takes_no_terms_of_a_yes(shop: Shop, verb: str) -> None:
    words = ("consent", verb, *ANN, "--purpose", AUDIENCE)
    for option in ("--separate", "--valid-for", "--age-band", "--listed"):
        assert "no such option" in shop.accord(*words, option, "x", code=2)
    first = shop.accord(*words, "--event-id", "e1", "--channel", "email")
    assert "nobody was known here by this identifier" in first
    again = shop.answer(*words, "--event-id", "e1", "--channel", "email")
    assert (again["repeated"], again["new_person"]) == (True, False)
    assert "ann@" not in first


@pytest.mark.parametrize(
    "words",
    [
        ("--at", "yesterday"),
        ("--at", "2027-01-31T08:00"),
        ("--at", "1960-01-01"),
        ("--valid-until", "2027-13-01"),
    ],
)
def test_a_time_that_says_nothing_is_a_usage_error(shop: Shop, words: tuple[str, str]) -> None:
    said = shop.accord("consent", "give", *ANN, "--purpose", AUDIENCE, *words, code=2)
    assert said.startswith(f"accord: error: {words[0]}: ")


def test_preferences_come_in_and_are_shown(shop: Shop) -> None:
    words = (
        "consent", "prefer", *ANN, "--channel", "email=off", "--channel", "post=on", "--topic",
        "sport=off", "--pause-until", "sms=2099-02-01", "--cap", "3/week", "--cap", "email=1/day",
        "--quiet", "22:00-06:00", "--days", "mon,tue", "--language", "de", "--time-zone",
        "Europe/Zurich", "--automated-decisions", "off", "--event-id", "e1",
    )  # fmt: skip
    assert shop.accord("consent", "preferences", *ANN, code=1).count("nobody") == 1
    said = shop.accord(*words)
    assert said.startswith("recorded as entries 1, 2, 3")
    assert "it is kept for a new person" in said
    assert "(known already)" in shop.accord(*words)
    shown = shop.accord("consent", "preferences", *ANN)
    rows = [" ".join(line.split()[:-4]) for line in shown.splitlines()[1:]]
    assert rows == [
        "automated-decisions off",
        "channel email off",
        "channel post on",
        "frequency-cap every channel at most 3 per week",
        "frequency-cap email at most 1 per day",
        "language de",
        "pause sms nothing before 2099-02-01 00:00 UTC",
        "quiet-hours every channel 22:00 to 06:00, begins on mon,tue",
        "time-zone Europe/Zurich",
        "topic sport off",
    ]
    shop.node.running.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    shop.accord("consent", "prefer", *ANN, "--quiet", "off", "--pause-until", "sms=now")
    kinds = {p["kind"] for p in shop.answer("consent", "preferences", *ANN)["preferences"]}
    assert kinds.isdisjoint({"quiet-hours", "pause"})


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--channel", "email"),
        ("--channel", "email=perhaps"),
        ("--cap", "3"),
        ("--cap", "3/year"),
        ("--quiet", "22-06"),
        ("--quiet", "22:00-06:00", "--days", "monday"),
        ("--quiet", "22:00-06:00", "--days", ","),
        ("--pause-until", "soon"),
        ("--automated-decisions", "maybe"),
    ],
)
def test_a_choice_that_cannot_be_read_is_a_usage_error(shop: Shop, words: tuple[str, ...]) -> None:
    assert "accord: error: " in shop.accord("consent", "prefer", *ANN, *words, code=2)
    assert shop.node.services.ledger.head()[0] == 1


@pytest.mark.parametrize("words", [("policy", "show"), ("policy", "history"), ("notice", "list")])
def test_every_reading_command_prints_for_people_and_as_json(
    shop: Shop, words: tuple[str, ...]
) -> None:
    assert shop.accord(*words).strip()
    assert isinstance(shop.answer(*words), dict | list)
