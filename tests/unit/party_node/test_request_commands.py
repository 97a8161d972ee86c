"""`accord request …`, `accord role …` and `accord break-glass`, against a node in this process."""

import io
import json
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from tests.support.running_node import AUDIENCE, Node, Pair, running_pair

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PERSON = "person0@example.com"
DONE, ERROR, USAGE, REFUSED = 0, 1, 2, 3


class Office:
    """A node that people's requests are answered at, by command."""

    def __init__(
        self, pair: Pair, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.pair, self._capsys, self._patch = pair, capsys, patch

    @property
    def node(self) -> Node:
        return self.pair.shop

    def accord(self, *words: str, code: int = DONE, stdin: str = "") -> str:
        self.node.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        assert cli.run([*words, "--home", str(self.node.services.home.path)]) == code
        captured = self._capsys.readouterr()
        return captured.out + captured.err

    def answer(self, *words: str, code: int = DONE, stdin: str = "") -> Any:
        return json.loads(self.accord(*words, "--json", code=code, stdin=stdin))

    def verified(self, kind: str) -> str:
        made = self.answer(
            "request", "open", "--type", kind, "--channel", "letter", "--email", PERSON
        )
        request = str(made["request"])
        self.accord("request", "verify", request[:8], "--method", "passport shown")
        return request

    def tokens(self) -> str:
        """Add an operator and a compliance officer; return what they type."""
        added = [
            self.answer("role", "add", name, "--role", role)["token"]
            for name, role in (("ops", "operator"), ("dpo", "compliance"))
        ]
        return "".join(f"{token}\n" for token in added)


@pytest.fixture
def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Office]:
    with capture_logs(), running_pair(tmp_path) as made:
        node = made.shop
        node.say("given", "event-1")

        def found(_home: Path) -> LocalClient:
            return LocalClient("http://shop.test", node.running.token, node.stranger._transport)

        monkeypatch.setattr(LocalClient, "of", found)
        yield Office(made, capsys, monkeypatch)


def test_a_request_from_opening_to_completing(office: Office) -> None:
    assert office.accord("request", "list") == "no request is open\n"
    said = office.accord(
        "request", "open", "--type", "withdraw", "--channel", "phone", "--email", PERSON,
        "--key", "ticket-1",
    )  # fmt: skip
    assert ": withdraw, received\n" in said
    assert "possible now: verified, extended, refused, cancelled" in said
    request = said.split()[1].rstrip(":")
    again = office.accord(
        "request", "open", "--type", "withdraw", "--channel", "phone", "--email", PERSON,
        "--key", "ticket-1",
    )  # fmt: skip
    assert f"request {request}: withdraw, received (opened before)" in again
    short = request[:6]
    refused = office.accord("request", "complete", short, code=ERROR)
    assert "accord: error: nobody has verified yet that the person themself asks" in refused
    assert "accord: hint: `accord request show` says what is possible now" in refused
    office.accord("request", "extend", short, "--reason", "many came in", "--days", "7")
    office.accord("request", "verify", short, "--method", "call back")
    done = office.accord("request", "complete", short, "--result", "crm=stopped")
    assert "accord: withdrawn (1 statements)" in done
    assert "crm: stopped" in done
    assert office.accord("request", "list") == "no request is open\n"
    assert request[:8] in office.accord("request", "list", "--ended")
    assert office.answer("request", "show", short)["status"] == "completed"


def test_what_is_late_is_said(office: Office) -> None:
    said = office.accord(
        "request", "open", "--type", "access", "--channel", "e-mail", "--email", PERSON,
        "--received", "2026-01-05", "--place", "DE",
    )  # fmt: skip
    assert "by gdpr OVERDUE" in said or "by uk-gdpr OVERDUE" in said
    assert "OVERDUE" in office.accord("request", "list")


@pytest.mark.parametrize(
    "words",
    [
        ("request", "open", "--type", "access", "--channel", "letter"),
        (
            "request",
            "open",
            "--type",
            "access",
            "--channel",
            "letter",
            "--email",
            "a",
            "--phone",
            "b",
        ),
        ("request", "complete", "0" * 32, "--result", "crm"),
        ("request", "erase", "0" * 32, "--hold", "x"),
        ("request", "erase", "0" * 32, "--purpose", "x"),
        ("request", "explain", "0" * 32),
        ("request", "show", "00"),
        ("request", "open-hold", "0" * 32),
    ],
    ids=" ".join,
)
def test_wrong_usage(office: Office, words: tuple[str, ...]) -> None:
    assert "accord: error:" in office.accord(*words, code=USAGE)


def test_export_writes_a_file_and_never_over_one(office: Office, tmp_path: Path) -> None:
    request, out = office.verified("access"), tmp_path / "person.zip"
    assert f"wrote {out}" in office.accord("request", "export", request, str(out))
    with zipfile.ZipFile(out) as archive:
        assert "README.txt" in archive.namelist()
    assert "is there already" in office.accord("request", "export", request, str(out), code=USAGE)


def test_explain_says_it_in_words(office: Office) -> None:
    request = office.verified("explain-decision")
    said = office.accord("request", "explain", request, "--purpose", AUDIENCE)
    assert "Your data may be used for the purpose joint-audience" in said
    said = office.accord("request", "explain", request, "--job", "1" * 32)
    assert "nothing was decided about them" in said


def test_restrict_and_lift(office: Office) -> None:
    request = office.verified("restrict")
    office.accord("request", "complete", request)
    explain = ("consent", "explain", "--email", PERSON, "--purpose", AUDIENCE, "--operation", "psi")
    assert office.answer(*explain, code=REFUSED)["reason"] == "restricted"
    office.accord("request", "lift", request)
    assert office.answer(*explain)["reason"] == "permitted"


def test_erase_hold_and_open_it_with_two_tokens(office: Office) -> None:
    tokens = office.tokens()
    request = office.verified("erase")
    said = office.accord(
        "request", "erase", request, "--hold", "GDPR 17(3)(e)", "--until", "2030-12-31"
    )
    assert "held until 2030-12-31: 1 payloads, which take two roles to open" in said
    assert "nobody was left to erase" in office.accord("request", "erase", request)
    swapped = "\n".join(reversed(tokens.split()))
    refused = office.accord("request", "open-hold", request, stdin=swapped, code=REFUSED)
    assert "accord: error: two people must show their tokens" in refused
    said = office.accord("request", "open-hold", request, stdin=tokens)
    assert "GDPR 17(3)(e), until 2030-12-31" in said
    assert "state=given" in said
    assert office.answer("request", "open-hold", request, stdin=tokens)["request"] == request
    assert not any(token in said + refused for token in tokens.split())
    done = office.accord("request", "complete", request)
    assert "held: 1 payloads, GDPR 17(3)(e), until 2030-12-31" in done


def test_roles_come_and_go(office: Office) -> None:
    assert office.accord("role", "list") == "nobody has a role yet\n"
    said = office.accord("role", "add", "dpo", "--role", "compliance")
    token = said.split("token: ")[1].split()[0]
    assert token.startswith("accord_compliance_")
    assert "compliance" in office.accord("role", "list")
    office.accord("role", "add", "dpo-2", "--role", "compliance", "--share-holds", stdin=token)
    assert "has a role already" in office.accord(
        "role", "add", "dpo", "--role", "operator", code=ERROR
    )
    assert office.accord("role", "revoke", "dpo") == "dpo has no role any more\n"
    assert [r["name"] for r in office.answer("role", "list")] == ["dpo-2"]


def test_break_glass_wants_two_roles(office: Office) -> None:
    office.pair.agree()
    job, tokens = office.pair.ask(), office.tokens()
    words = ("break-glass", job[:8], "--reason", "the auditor's witness is down")
    only_one = tokens.split()[0]
    refused = office.accord(*words, stdin=f"{only_one}\n{only_one}\n", code=REFUSED)
    assert "two people must show their tokens" in refused
    assert office.node.services.emergencies.standing(job) is None
    woken = office.node.driver.woken
    said = office.accord(*words, "--hours", "2", stdin=tokens)
    assert "approved by operator:ops and compliance:dpo until" in said
    assert office.node.driver.woken == woken + 1
    assert office.node.services.emergencies.standing(job) is not None
    office.accord(*words, "--hours", "25", stdin=tokens, code=USAGE)
    office.accord("job", "cancel", job)
    assert f"job {job} is cancelled" in office.accord(*words, stdin=tokens, code=ERROR)


def test_a_weaker_trust_policy_is_set_by_two_roles(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_text("# ours\n" + office.answer("ledger", "policy", "show")["text"])
    words = ("ledger", "policy", "set", str(path), "--two-roles")
    tokens = office.tokens()
    first, second = tokens.split()
    refused = office.accord(*words, stdin=f"{second}\n{first}\n", code=REFUSED)
    assert "two people must show their tokens" in refused
    assert "in force" in office.accord(*words, stdin=tokens)
    said = [e.record for e in office.node.services.ledger.entries() if e.type == "operator-action"]
    assert getattr(said[-1], "by", "") == "operator:ops and compliance:dpo"
