"""Whatever a user of the coordinator can meet is in its docs: settings, commands, routes, codes."""

import base64
import dataclasses
import re
import warnings
from pathlib import Path

from coordinator import intake, jobs, wire, witness
from coordinator.app import ROUTERS
from coordinator.jobs import EXPIRED_CAUSE, TRANSITIONS
from coordinator.problems import STATUS
from coordinator.settings import PREFIX, Settings
from coordinator.sweeper import ABANDONED
from protocols import collaboration_terms as terms
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted
from protocols.keys import PartyKeys

with warnings.catch_warnings():
    # typer 0.20 imports a name that click 8.5 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import typer

    from coordinator import cli

ROOT = Path(__file__).resolve().parents[2]
WIRE = (ROOT / "docs/spec/relay.md").read_text(encoding="utf-8")
OPERATE = (ROOT / "docs/operate/coordinator.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/reference/coordinator-cli.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cells: list[list[str]]) -> list[str]:
    return [row[0].strip("`") for row in cells]


def test_every_setting_is_in_the_table() -> None:
    assert names(rows(OPERATE, "## Settings")) == list(Settings.model_fields)
    assert f"`{PREFIX}`" in OPERATE


def test_every_event_of_the_log_is_in_the_table() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "coordinator").rglob("*.py"))
    direct = re.findall(r"\blog\.\w+\(\s*\"([a-z-]+)\"", source)
    errors = re.findall(r"_error\(\"([a-z-]+)\"", source)
    assert set(names(rows(OPERATE, "## Logs"))) == {*direct, *errors}


def test_every_command_and_option_is_in_the_table() -> None:
    group = typer.main.get_command(cli.app)
    commands = group.commands  # type: ignore[attr-defined]
    found = {row[0].strip("`"): row[1] for row in rows(COMMANDS, "## Commands")}
    assert set(found) == set(commands)
    for name, command in commands.items():
        options = {option for p in command.params for option in p.opts if option != "--help"}
        assert set(re.findall(r"--[a-z-]+", found[name])) == options, name


def test_every_route_is_in_the_table() -> None:
    routes = {f"{m} {r.path}" for router in ROUTERS for r in router.routes for m in r.methods}  # type: ignore[attr-defined]
    assert set(names(rows(WIRE, "## Routes"))) == routes


def test_every_problem_is_in_the_table_with_its_status() -> None:
    found = {row[0].strip("`"): int(row[1]) for row in rows(WIRE, "## Problems")}
    assert found == {error.code: int(status) for error, status in STATUS.items()}  # type: ignore[attr-defined]


def test_every_transition_is_in_the_table() -> None:
    found = {tuple(row[:3]) for row in rows(WIRE, "## Jobs")}
    assert found == {(state, event, rule.to) for (state, event), rule in TRANSITIONS.items()}
    assert f"`{EXPIRED_CAUSE}`" in WIRE
    assert f"`{ABANDONED}`" in WIRE


def test_the_limits_are_those_of_the_wire() -> None:
    assert f"at most {wire.MAX_WAIT_SECONDS};" in WIRE
    assert f"at most {wire.MAX_ENVELOPE_BYTES // 2**20} MiB" in WIRE
    assert f"Wire version {wire.VERSION}." in WIRE
    defaults = Settings()
    for words in (
        f"At most {defaults.max_pending_bytes // 2**20} MiB of a job",
        f"at most {defaults.max_party_pending_bytes // 2**30} GiB of what one party",
        f"At most {defaults.max_open_jobs} jobs",
        f"At most {defaults.max_open_proposals} versions",
        f"At most {defaults.max_waits} requests",
        f"larger than {intake.SMALL_BYTES // 1024} KiB",
        f"one of {intake.TURNS} turns",
        f"at most {jobs.MAX_DESCRIPTION_BYTES // 1024} KiB",
        f"acceptance {jobs.MAX_ACCEPTANCE_BYTES // 1024} KiB",
        f"the first {witness.MOST_EVIDENCE} of",
    ):
        assert words in WIRE, words


def test_the_ranges_of_an_agreement_are_in_the_table() -> None:
    found = {row[0]: row[1] for row in rows(WIRE, "## Agreements")}
    named = set(re.findall(r"`([a-z_]+)`", " ".join(found)))
    fields = {
        field.name
        for kind in (Collaboration, Member, DatasetOffer, Permitted)
        for field in dataclasses.fields(kind)
    }
    assert fields - {"public", "ledger_vkey", "receiver", "reveal"} <= named
    tables = (terms.PROTOCOLS_OF_KIND, terms.RINGS_OF_KIND)
    for kind, protocols in (row for table in tables for row in table.items()):
        for protocol in protocols:
            assert f"`{kind}` with `{protocol}`" in found["`kind` with `protocol`"]
    assert (terms.LEAST_MEMBERS, terms.MOST_MEMBERS) == (2, 16)
    assert found["`members`"].startswith("two to sixteen")
    assert f"at most {terms.MAX_DOCUMENT_BYTES // 1024} KiB" in found["the whole encoding"]
    assert found["`datasets`"].startswith(f"1 to {terms.MAX_OFFERS}")
    assert found["`permitted`"].startswith(f"1 to {terms.MAX_CLAUSES}")
    assert f"at most {terms.MAX_COLUMNS}," in found["`columns`"]
    assert f"1 to {terms.MAX_COLUMN} " in found["`columns`"]
    assert f"1 to {terms.MAX_TEXT} " in found["`title`, `name` of a member"]
    delta = terms.DELTA_EXPONENTS
    assert found["`delta_exponent`"] == f"{delta[0]} to {delta[-1]}"
    assert found["`budget_window`"] == " or ".join(f"`{w}`" for w in terms.BUDGET_WINDOWS)
    assert (terms.MAX_BUDGET_NANO, terms.MAX_MINIMUM_SIZE) == (10**13, 10**9)


def test_the_example_is_signed_as_it_says() -> None:
    request, signed = re.findall(r"```\n(.*?)\n```", WIRE, re.DOTALL)[:2]
    head, body = request.split("\n\n")
    first, *lines = head.split("\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ") for line in lines)
    message = wire.signing_input(method, target, int(headers[wire.HEADER_TIME]), body.encode())
    assert message.decode() == signed
    keys = PartyKeys("brand", bytes(range(32)), bytes(64), bytes(32))
    signature = base64.b64decode(headers[wire.HEADER_SIGNATURE])
    keys.public().verify(signature, wire.SIGNATURE_LABEL, message)
    assert f"`{wire.SIGNATURE_LABEL.decode()}`" in WIRE
