"""`accord budget` and what two people may do about it, against a node in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroaring import BitMap

from party_node.accounts import PUBLIC, Account
from party_node.budget_tables import LineageRow
from protocols.dp.budget import Rho
from tests.support.commands import ERROR, Terminal, terminal_at
from tests.support.running_node import COLLABORATION, write_csv

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LIMIT, PRICE = 500_000_000, 5_000_000
CUSTOMERS = Account("paper", "customers")
MONTHLY = COLLABORATION.replace("version: 1", "version: 2").replace(
    "delta_exponent: 8", "delta_exponent: 8, window: month"
)


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    with terminal_at(tmp_path, monkeypatch, capsys, agreed=True) as terminal:
        yield terminal


def charged(terminal: Terminal, job: str, rho_nano: int, to: str = "paper") -> None:
    parts = terminal.node.services
    parts.budgets.charge(
        job, "spring" if to == "paper" else "", to, "noisy-size", rho_nano, LIMIT,
        parts.clock_ms(), dataset="customers",
    )  # fmt: skip


def tokens(terminal: Terminal) -> str:
    """Add an operator and a compliance officer; return what they type."""
    return "".join(
        terminal.answer("role", "add", name, "--role", role)["token"] + "\n"
        for name, role in (("ops", "operator"), ("dpo", "compliance"))
    )


def test_questions_left_come_first(terminal: Terminal) -> None:
    charged(terminal, "a" * 32, PRICE)
    heads, row = terminal.accord("budget").splitlines()
    assert heads.startswith("questions left")
    assert row.startswith("2,551 at ±100 people")
    for word in ("paper", "customers", "spring", "0.495 of 0.5", "0.524 of", "1e-8", "none"):
        assert word in row
    (found,) = terminal.answer("budget")["budgets"]
    assert (found["lineage"], found["datasets"]) == ("customers", ["customers"])
    assert found["left"]["rho"] == "0.495"


def test_the_history_says_job_and_what(terminal: Terminal) -> None:
    assert terminal.accord("budget", "--history") == "nothing has been charged yet\n"
    charged(terminal, "a" * 32, PRICE)
    _, row = terminal.accord("budget", "--history").splitlines()
    for word in ("a" * 12, "paper", "customers", "noisy-size", "0.005", "spring"):
        assert word in row


def test_a_plan_shows_before_and_after_and_charges_nothing(terminal: Terminal) -> None:
    (found,) = terminal.answer("budget", "--plan", "0.005", "--collaboration", "spring")
    assert (found["questions_left"], found["after"]["questions_left"]) == (2577, 2551)
    assert (found["left"]["rho"], found["after"]["left"]["rho"]) == ("0.5", "0.495")
    assert found["fits"]
    (found,) = terminal.answer("budget", "--plan", "0.6")
    assert (found["fits"], found["missing"]) == (False, "0.1")
    assert found["after"]["left"] == found["left"]
    assert "refused: 0.1 is missing" in terminal.accord("budget", "--plan", "0.6")
    assert terminal.node.services.budgets.history() == []


def test_what_is_published_has_a_row_of_its_own(terminal: Terminal) -> None:
    charged(terminal, "release-1", PRICE, to=PUBLIC)
    towards = {b["to"]: b for b in terminal.answer("budget")["budgets"]}
    assert towards["public"]["spent"]["rho"] == "0.005"
    assert towards["paper"]["spent"]["rho"] == "0"
    assert "published" in terminal.accord("budget")


def test_a_new_name_over_the_same_people_is_told_and_shares_the_budget(
    terminal: Terminal, tmp_path: Path
) -> None:
    charged(terminal, "a" * 32, PRICE)
    lines = [f"row-{i},person{i}@example.com" for i in range(3)]
    path = write_csv(tmp_path / "again.csv", "id,email", *lines)
    said = terminal.accord("dataset", "add", "again", path, "--key", "id", "--email", "email")
    assert "many of these people are in customers: one privacy budget for both" in said
    parts = terminal.node.services
    assert parts.budgets.spent(Account("paper", "again")) == Rho(PRICE)
    (found,) = terminal.answer("budget")["budgets"]
    assert found["datasets"] == ["again", "customers"]


def test_an_erased_person_leaves_what_is_remembered_of_a_lineage(terminal: Terminal) -> None:
    parts = terminal.node.services

    def remembered() -> BitMap:
        with parts.db.reading() as session:
            row = session.get_one(LineageRow, "customers")
        return BitMap.deserialize(parts.vault.open("dataset-lineage/customers", row.people))

    gone = parts.identity.find("email", "person1@example.com")
    assert gone is not None
    assert gone in remembered()
    parts.aftermath.erasing.erase(gone, "request-17")
    assert gone not in remembered()
    assert len(remembered()) == 2


def test_two_people_renew_a_budget_where_the_agreement_says_so(terminal: Terminal) -> None:
    charged(terminal, "a" * 32, LIMIT)
    two = tokens(terminal)
    words = ("renew-budget", "spring", "--to", "paper", "--dataset", "customers", "--reason", "why")
    error, _ = terminal.complains(*words, stdin=two)
    assert "does not let" in error
    for node, path in ((terminal.pair.shop, ""), (terminal.pair.paper, "/spring/versions/2")):
        if path:
            answer = node.http.post(f"/v1/collaborations{path}/countersignatures")
        else:
            answer = node.http.post("/v1/collaborations", json={"text": MONTHLY})
        assert answer.status_code in (200, 201), answer.text
    error, _ = terminal.complains(*words, stdin=two)
    assert "already" in error
    terminal.pair.world.clock.advance(seconds=31 * 86_400)
    assert terminal.complains(*words, code=3, stdin="\n".join(two.split()[:1] * 2) + "\n")
    said = terminal.accord(*words, stdin=two)
    assert "begins anew with 2027-02" in said
    assert "approved by operator:ops and compliance:dpo" in said
    (found,) = terminal.answer("budget")["budgets"]
    assert (found["spent"]["rho"], found["window"]) == ("0", "month")
    terminal.complains(*words, stdin=two, code=ERROR)


def test_two_people_let_a_question_be_asked_anew(terminal: Terminal) -> None:
    answers = terminal.node.services.answers
    assert terminal.accord("answers") == "no answer is kept yet\n"
    answers.keep(CUSTOMERS, bytes(32), bytes(32), "a" * 32, b"release", PRICE, 5)
    _, row = terminal.accord("answers").splitlines()
    assert row.split()[-1] == "yes"
    two = tokens(terminal)
    said = terminal.accord("refresh-answer", "1", "--reason", "wrong file", stdin=two)
    assert "answer 1 is paid and answered anew" in said
    assert answers.find(CUSTOMERS, bytes(32), bytes(32), PRICE) is None
    (found,) = terminal.answer("answers")
    assert (found["answers"], found["rho"]) == (False, "0.005")
    terminal.complains("refresh-answer", "9", "--reason", "none such", stdin=two)
