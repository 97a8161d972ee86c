"""The command `accord`: errors, exit codes, and what it prints, against a node in this process."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consent.errors import LedgerInconsistent
from party_node.local_client import LocalClient
from tests.support.node import write_csv
from tests.support.running_node import COLLABORATION, Pair, keep_result, running_pair

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli
    from party_node.cli import output as cli_output

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    with _found(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def agreed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """The same with a collaboration in force."""
    with _found(tmp_path, monkeypatch, agreed=True) as made:
        yield made


@contextmanager
def _found(folder: Path, patch: pytest.MonkeyPatch, *, agreed: bool = False) -> Iterator[Pair]:
    """Serve two nodes that the command finds by their home folders."""
    with capture_logs(), running_pair(folder, agreed=agreed) as made:
        by_home = {n.services.home.path: n for n in (made.shop, made.paper)}

        def found(home: Path) -> LocalClient:
            node = by_home[home]
            transport = node.stranger._transport
            return LocalClient(f"http://{node.running.party}.test", node.running.token, transport)

        patch.setattr(LocalClient, "of", found)
        yield made


def accord(pair: Pair, party: str, *words: str) -> int:
    node = pair.shop if party == "shop" else pair.paper
    return cli.run([*words, "--home", str(node.services.home.path)])


def answer(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out)


def test_a_node_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["job", "list", "--home", str(tmp_path)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"accord: error: {tmp_path} holds no node.json"
    assert second.startswith("accord: hint: create one with `accord node create`")


def test_making_a_node_and_asking_it_while_it_is_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(tmp_path / "home")
    words = ["node", "create", "--party", "brand", "--home", home, "--json"]
    assert cli.run(words) == 0
    assert len(answer(capsys)["fingerprint"].split()) == 8  # type: ignore[index]
    assert cli.run(words) == 1
    assert cli.run(["node", "status", "--home", home]) == 75
    assert f"accord node serve --home {home}" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["node", ""])
def test_enrolling_is_found_by_both_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    home = str(tmp_path / "home")
    cli.run(["node", "create", "--party", "brand", "--home", home])
    assert cli.run([*path.split(), "enrol", "nonsense", "--home", home]) == 1
    assert "accord-invite:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["job", "overlap"],
        ["nothing"],
        ["job", "list", "--colour"],
        ["consent", "import", "x.csv", "--source", "crm", "--map", "purpose"],
        ["consent", "give", "--purpose", "joint-audience"],
        ["node", "create", "--party", "brand", "--port", "x"],
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert cli.run(words) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith("accord: error: ")
    assert not err[0].endswith(".")
    assert err[1].startswith("accord: hint: see: accord")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("consent-denied", 3),
        ("small-cohort", 3),
        ("budget-exceeded", 3),
        ("malformed-message", 4),
        ("forged-envelope", 4),
        ("ended-by-peer", 4),
        ("node-not-running", 75),
        ("coordinator-unreachable", 75),
        ("unknown-dataset", 1),
        ("internal", 1),
    ],
)
def test_exit_codes(code: str, expected: int) -> None:
    assert cli_output.exit_code(code) == expected


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["version", "--json"]) == 0
    assert set(answer(capsys)) == {"version"}  # type: ignore[call-overload]


def test_from_agreement_to_result(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.shop.add_people("customers")
    pair.paper.add_people("readers")
    path = tmp_path / "spring.yaml"
    path.write_text(COLLABORATION)
    assert accord(pair, "shop", "collaboration", "propose", str(path)) == 0
    assert accord(pair, "paper", "collaboration", "sign", "spring", "1") == 0
    assert accord(pair, "shop", "collaboration", "list") == 0
    assert "in force" in capsys.readouterr().out
    assert accord(pair, "shop", "job", "overlap", "spring") == 0
    said = capsys.readouterr().out
    assert said.index("who learns what") < said.index("\njob ")
    assert "rho 0.5 before, 0.495 after" in said
    job = said.rsplit("job ", 1)[1].strip()
    pair.paper.services.jobs.sync(0)
    assert accord(pair, "paper", "job", "list") == 0
    assert "waits for you" in capsys.readouterr().out
    keep_result(pair.shop, job)
    assert accord(pair, "shop", "job", "result", job[:10]) == 0
    out = capsys.readouterr().out
    assert "12,400 ± 28 (95 %) people in common with paper" in out
    assert "left out, withdrawn: 1" in out
    assert "cost: rho 0.005" in out
    assert accord(pair, "paper", "job", "decline", job) == 0
    pair.shop.services.jobs.sync(0)
    with pair.shop.services.db.writing() as session:
        pair.shop.services.runs.end(session, job)
    assert accord(pair, "shop", "job", "wait", job) == 3
    assert accord(pair, "shop", "job", "show", job, "--json") == 0


def test_a_dry_run_asks_nothing(agreed: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert accord(agreed, "shop", "job", "audience", "spring", "--dry-run") == 0
    assert "which of its own people shop has too" in capsys.readouterr().out
    assert accord(agreed, "shop", "job", "list", "--json") == 0
    assert answer(capsys) == []


def test_a_job_by_several_types_says_in_which_order(
    agreed: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["spring", "--identifier", "phone", "--identifier", "email", "--dry-run"]
    assert accord(agreed, "shop", "job", "overlap", *words) == 0
    said = capsys.readouterr().out
    assert "matched by phone, then email; a person brings 2 identifiers at most\n" in said
    assert accord(agreed, "shop", "job", "overlap", *words, "--per-person", "1") == 0
    assert "; a person brings 1 identifier at most\n" in capsys.readouterr().out
    assert accord(agreed, "shop", "job", "audience", *words) == 0
    assert "matched by phone, then email\n" in capsys.readouterr().out
    assert accord(agreed, "shop", "job", "audience", "spring", "--dry-run") == 0
    assert "matched by email\n" in capsys.readouterr().out


def test_registering_says_by_what_people_are_known(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uuid = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
    lines = (f"1,a@example.com,{uuid}", f"2,b@example.com,{uuid.upper()}", "3,c@example.com,x")
    path = write_csv(tmp_path / "devices.csv", "id,email,device", *lines)
    words = ["devices", str(path), "--key", "id", "--email", "email", "--gaid", "device"]
    assert accord(pair, "shop", "dataset", "add", *words) == 0
    said = capsys.readouterr().out
    assert "unreadable: 0 addresses, 0 numbers, 1 of gaid\n" in said
    assert "by email: 3 people; 0 values of several people are left out\n" in said
    assert "by gaid: 0 people; 1 values of several people are left out\n" in said


def test_what_the_budget_does_not_cover_is_not_asked_for(agreed: Pair) -> None:
    assert accord(agreed, "shop", "job", "overlap", "spring", "--rho", "0.6") == 3
    assert agreed.shop.services.jobs.all() == []


def test_consent_is_given_explained_and_withdrawn(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ["--email", "a@example.com", "--purpose", "joint-audience"]
    asked = ["consent", "explain", *who, "--operation", "activate"]
    assert accord(pair, "shop", "consent", "give", *who) == 0
    assert accord(pair, "shop", *asked) == 0
    pair.world.clock.advance(seconds=1)
    assert accord(pair, "shop", "consent", "withdraw", *who) == 0
    capsys.readouterr()
    assert accord(pair, "shop", *asked) == 3
    out = capsys.readouterr().out
    assert "not permitted: withdrawn" in out
    assert "a@example.com" not in out


MAPPING = """\
columns: {source_event_id: key, email: mail, event_time: at}
constants: {purpose: joint-audience}
events:
  - {suffix: /mail, columns: {state: by_mail}, constants: {channel: email}}
  - {suffix: /sms, columns: {state: by_sms}, constants: {channel: sms}}
"""


def test_a_consent_file_is_looked_at_and_taken_in(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping, path, rejects = (tmp_path / name for name in ("m.yaml", "c.csv", "rejects.csv"))
    mapping.write_text(MAPPING)
    path.write_text(
        "key,mail,at,by_mail,by_sms\n"
        "e1,a@x.example,2026-01-01T00:00:00Z,given,given\n"
        "e2,b@x.example,2026-01-01T00:00:00Z,given,perhaps\n"
    )
    words = ["consent", "import", str(path), "--source", "crm", "--mapping", str(mapping)]
    assert accord(pair, "shop", *words, "--dry-run", "--rejects", str(rejects)) == 0
    out = capsys.readouterr().out
    assert "dry run, nothing was written: accepted 3, known already 0, refused 1\n" in out
    assert "/sms" in out
    assert rejects.read_text() == "line,event,reason\n3,/sms,unknown-state\n"
    assert accord(pair, "shop", *words, "--json") == 0
    found = answer(capsys)
    assert (found["accepted"], found["refused"], found["dry_run"]) == (3, 1, False)  # type: ignore[index]
    assert accord(pair, "shop", *words) == 0
    assert "accepted 0, known already 3" in capsys.readouterr().out
    assert accord(pair, "shop", *words, "--map", "email=mail") == 2
    assert "one of the two" in capsys.readouterr().err
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert not list((pair.shop.services.home.path / "out").iterdir()), "it was moved, not copied"
    assert accord(pair, "shop", *words, "--rejects", str(rejects)) == 2
    assert "is there already" in capsys.readouterr().err


def test_of_many_refused_rows_it_says_how_many_more_there_are_and_where(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, rejects = tmp_path / "c.csv", tmp_path / "rejects.csv"
    heads = "source_event_id,email,purpose,state,event_time\n"
    bad = [f"e{n},a{n}@x.example,joint-audience,perhaps,2026-01-01T00:00:00Z\n" for n in range(25)]
    words = ["consent", "import", str(path), "--source", "crm", "--dry-run"]
    path.write_text(heads + "".join(bad))
    assert accord(pair, "shop", *words) == 0
    out = capsys.readouterr().out
    assert "and 5 more: the same again with `--rejects FILE`" in out
    assert "event" not in out, "a column that is empty for all is left out"
    assert accord(pair, "shop", *words, "--rejects", str(rejects)) == 0
    assert "and 5 more, which are in the file too\n" in capsys.readouterr().out
    assert len(rejects.read_text().splitlines()) == 26
    path.write_text(heads + "".join(bad[:20]))
    assert accord(pair, "shop", *words) == 0
    assert "more" not in capsys.readouterr().out


def test_a_mapping_is_checked_without_a_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING)
    assert cli.run(["consent", "mapping", "check", str(path)]) == 0
    out = capsys.readouterr().out
    assert "the mapping can be used; a row becomes 2 events" in out
    assert "by_sms" in out
    assert cli.run(["consent", "mapping", "check", str(path), "--json"]) == 0
    found = answer(capsys)
    assert [event["suffix"] for event in found["events"]] == ["/mail", "/sms"]  # type: ignore[index]
    path.write_text(MAPPING.replace("joint-audience", "spam") + "colour: red")
    assert cli.run(["consent", "mapping", "check", str(path)]) == 1
    err = capsys.readouterr().err
    assert "line 2: constants.purpose" in err
    assert "line 6: colour: there is no such key" in err
    assert cli.run(["consent", "mapping", "check", str(tmp_path / "none.yaml")]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["dataset", "list"],
        ["collaboration", "list"],
        ["collaboration", "show", "spring"],
        ["rule", "list"],
        ["job", "list"],
        ["audience", "list"],
        ["budget"],
        ["audit"],
        ["ledger", "status"],
        ["ledger", "verify"],
        ["ledger", "policy", "show"],
        ["node", "status"],
    ],
)
def test_every_reading_command_prints_for_people_and_as_json(
    agreed: Pair, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    capsys.readouterr()
    assert accord(agreed, "shop", *words) == 0
    assert capsys.readouterr().out.strip()
    assert accord(agreed, "shop", *words, "--json") == 0
    assert isinstance(answer(capsys), dict | list)


def test_who_signs_reads_which_columns_may_be_used(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.shop.add_people("customers")
    path = tmp_path / "spring.yaml"
    path.write_text(COLLABORATION.replace("idfa]}", "idfa], columns: [Tarif Stufe, age]}"))
    assert accord(pair, "shop", "collaboration", "propose", str(path)) == 0
    capsys.readouterr()
    assert accord(pair, "paper", "collaboration", "show", "spring") == 0
    lines = capsys.readouterr().out.splitlines()
    ours, theirs = [line.split() for line in lines if "email" in line]
    assert ours[-1:] == ["none"]
    assert theirs[-3:] == ["Tarif", "Stufe,", "age"]


def test_rules_and_errors_of_the_node(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    rule = ["--collaboration", "spring", "--kind", "overlap", "--purpose", "audience-measurement"]
    assert accord(pair, "paper", "rule", "add", "easy", *rule, "--max-rho", "0.01") == 0
    assert accord(pair, "paper", "rule", "remove", "easy") == 0
    assert accord(pair, "paper", "rule", "remove", "easy") == 1
    assert "accord: error: there is no rule easy" in capsys.readouterr().err
    assert accord(pair, "paper", "job", "show", "abc") == 2


def test_files_are_written_for_their_owner_only(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "job": "a" * 32,
        "dataset": "readers",
        "keys": ["k1", "k2"],
        "people": 2,
        "left_out": 1,
    }
    monkeypatch.setattr(LocalClient, "post", lambda *_: found)
    out = tmp_path / "keys.txt"
    words = ["audience", "export", "a" * 32, "--out", str(out)]
    assert accord(pair, "paper", *words) == 0
    assert out.read_text() == "k1\nk2\n"
    assert out.stat().st_mode & 0o777 == 0o600
    assert accord(pair, "paper", *words) == 2


def test_keys_are_written_by_who_typed_the_command(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.paper.add_people("readers")
    pair.paper.say("given")
    out = tmp_path / "keys.txt"
    words = ["decide", "keys", "readers", "--purpose", "joint-audience", "--operation", "activate"]
    words += ["--out", str(out)]
    assert accord(pair, "paper", *words, "--json") == 0
    assert answer(capsys)["keys"] is None  # type: ignore[index]
    assert out.read_text() == "row-0\n"
    assert out.stat().st_mode & 0o777 == 0o600
    assert not (pair.paper.services.home.path / "out").exists()
    size = pair.paper.services.ledger.head()
    assert accord(pair, "paper", *words) == 2
    assert pair.paper.services.ledger.head() == size, "asked before a use is written down"


def test_the_trust_policy_is_shown_and_set(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show = ["ledger", "policy", "show"]
    assert accord(pair, "shop", *show, "--json") == 0
    text = str(answer(capsys)["text"])  # type: ignore[index]
    path = tmp_path / "policy.txt"
    path.write_text("# of our own\n" + text)
    assert accord(pair, "shop", "ledger", "policy", "set", str(path)) == 0
    assert "the policy is in force" in capsys.readouterr().out
    assert accord(pair, "shop", *show) == 0
    out = capsys.readouterr().out
    assert out.startswith("# of our own\nlog accord/shop/consent+")
    assert "cosigned" in out
    path.write_text(text.replace("quorum coordinator", "quorum none"))
    assert accord(pair, "shop", "ledger", "policy", "set", str(path)) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("accord: error: its quorum can be reached without coordinator")
    assert hint.startswith("accord: hint: make a group of your witnesses")
    assert accord(pair, "shop", "ledger", "policy", "set", str(tmp_path / "none")) == 2


def test_ledger_status_says_what_is_published_and_who_objects(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accord(pair, "shop", "ledger", "status") == 0
    assert "no checkpoint is published yet" in capsys.readouterr().out
    pair.shop.services.witnessing.publish(1)
    assert accord(pair, "shop", "ledger", "status") == 0
    out = capsys.readouterr().out
    assert "published up to entry 1 at " in out
    assert "cosigned by coordinator" in out
    assert "ALARM" not in out
    pair.world.database.write(
        lambda s: s.connection().exec_driver_sql("UPDATE witness_heads SET size = 9")
    )
    pair.shop.say()
    with pytest.raises(LedgerInconsistent):
        pair.shop.services.witnessing.publish(2)
    assert accord(pair, "shop", "ledger", "status") == 0
    assert "ALARM of witness coordinator: ahead, it has seen 9 entries" in capsys.readouterr().out
    assert accord(pair, "shop", "ledger", "policy", "show") == 0
    assert "alarm of accord-coordinator/witness, ahead, at 2 entries" in capsys.readouterr().out
