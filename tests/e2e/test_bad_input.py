"""What people and machines get wrong: a clear message, what to do about it, nothing lost.

Everything goes through the command; the exit codes are the documented ones. Of what is alike, some
is typed as a user does, in a process of its own, and the rest is run in this one.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from party_node.demo import processes
from party_node.demo.opening import document as written
from tests.support.network import (
    BRAND,
    COORDINATOR,
    PUBLISHER,
    Said,
    SmallNetwork,
    accord,
    connect,
    load,
    ready,
    until,
)

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
ERROR, USAGE, REFUSED, NOT_READY = 1, 2, 3, 75
UNDER = "spring-campaign"
HOUR_MS = 3_600_000


def complains(said: Said, code: int, about: str, advice: str) -> None:
    """Require one error line, one hint line, nothing on stdout, and the exit code."""
    assert said.code == code, said
    assert said.out == ""
    assert "Traceback" not in said.err
    lines = said.lines()
    assert [line.split(": ", 2)[:2] for line in lines] == [["accord", "error"], ["accord", "hint"]]
    assert about in lines[0]
    assert advice in lines[1]


@pytest.fixture
def document(network: SmallNetwork) -> str:
    """A collaboration file that is in order, under a name of its own."""
    prints = {name: party.fingerprint for name, party in network.parties.items()}
    return written(prints).replace(UNDER, "another-campaign")


def jobs_of(network: SmallNetwork, party: str = BRAND) -> list[str]:
    return [job["job"] for job in network.parties[party].get("/v1/jobs")]


# -- files ---------------------------------------------------------------------------------


FILES = {
    "nowhere.csv": None,
    "noise.parquet": b"\x00\x01noise" * 50,
    "noise.csv": b"\xff\xfe\x00\x01noise" * 50,
    "ragged.csv": b"id,email\n1,a@example.com\n2\n",
    "odd.xlsx": b"id,email\n",
}


@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_file_is_named(network: SmallNetwork, tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, FILES[name]
    if content is not None:
        path.write_bytes(content)
    before = network.brand.get("/v1/datasets")
    said = network.accord_here(
        BRAND, "dataset", "add", "customers", str(path), "--key", "id", "--email", "email"
    )
    complains(said, ERROR, "line 3" if name == "ragged.csv" else path.suffix[1:], "")
    assert network.brand.get("/v1/datasets") == before


def test_an_unreadable_consent_file_is_named(network: SmallNetwork, tmp_path: Path) -> None:
    size = network.brand.get("/v1/ledger")["size"]
    path = tmp_path / "noise.parquet"
    path.write_bytes(b"noise" * 100)
    said = network.accord(BRAND, "consent", "import", str(path), "--source", "crm")
    complains(said, ERROR, "noise.parquet", "docs/")
    assert network.brand.get("/v1/ledger")["size"] == size


def test_a_missing_column_is_named_and_those_that_are_there_are_counted(
    network: SmallNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,email,phone\n1,a@example.com,\n")
    said = network.accord(BRAND, "dataset", "add", "x", str(path), "--key", "id", "--email", "mail")
    complains(said, ERROR, "'mail'", "it has 3 columns")
    said = network.accord(BRAND, "consent", "import", str(path), "--source", "crm")
    complains(said, ERROR, "purpose", "mapping")


def test_a_dataset_without_identifiers_is_refused(network: SmallNetwork, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,email\n1,a@example.com\n")
    said = network.accord_here(BRAND, "dataset", "add", "x", str(path), "--key", "id")
    complains(said, ERROR, "column", "column")


def test_telephone_numbers_that_cannot_be_read_are_counted_and_never_shown(
    network: SmallNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("id,phone\n1,+44 20 79\n2,n/a\n3,0113 496 0123\n4,999999999999999\n")
    said = network.accord_here(
        BRAND, "dataset", "add", "numbers", str(path), "--key", "id", "--phone", "phone", "--json"
    )
    assert said.code == 0, said.err
    assert load(said)["refused_phones"] == 3
    assert load(said)["people"] == 1
    assert "999999999999999" not in said.out + said.err
    assert "999999999999999" not in (network.folder / "brand.log").read_text()


def test_an_identifier_that_cannot_be_read_is_refused_and_never_repeated(
    network: SmallNetwork,
) -> None:
    size = network.brand.get("/v1/ledger")["size"]
    for option, value in (("--phone", "+44 20 79"), ("--email", "jo at example")):
        said = network.accord_here(
            BRAND, "consent", "withdraw", "--purpose", "joint-audience", option, value
        )
        complains(said, ERROR, "", "")
        assert value not in said.err
        assert value not in (network.folder / "brand.log").read_text()
    assert network.brand.get("/v1/ledger")["size"] == size


# -- agreements ----------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["nonsense", "joint-audience"])
def test_a_purpose_that_was_not_agreed_is_refused(network: SmallNetwork, purpose: str) -> None:
    before = jobs_of(network)
    said = network.accord_here(BRAND, "job", "overlap", UNDER, "--purpose", purpose)
    complains(said, REFUSED, "purpose", "accord collaboration show")
    assert jobs_of(network) == before


def test_consent_to_an_unknown_purpose_is_refused(network: SmallNetwork) -> None:
    size = network.brand.get("/v1/ledger")["size"]
    said = network.accord_here(
        BRAND, "consent", "give", "--purpose", "nonsense", "--email", "a@example.com"
    )
    complains(said, ERROR, "purpose", "")
    assert network.brand.get("/v1/ledger")["size"] == size


def test_an_agreement_for_an_unknown_purpose_is_refused(
    network: SmallNetwork, tmp_path: Path, document: str
) -> None:
    said = proposed(network, tmp_path, document.replace("audience-measurement", "nonsense"))
    complains(said, ERROR, "nonsense", "")


def test_an_agreement_that_has_expired_is_refused(
    network: SmallNetwork, tmp_path: Path, document: str
) -> None:
    said = proposed(network, tmp_path, document.replace("2099-12-31", "2020-02-29"))
    complains(said, ERROR, "expired", "")
    said = network.accord_here(BRAND, "job", "overlap", "another-campaign")
    complains(said, ERROR, "another-campaign", "accord collaboration list")


def test_a_fingerprint_that_is_another_partys_is_refused(
    network: SmallNetwork, tmp_path: Path, document: str
) -> None:
    """Whoever sits in the middle at the first contact is found here."""
    wrong = document.replace(network.publisher.fingerprint, network.brand.fingerprint)
    said = proposed(network, tmp_path, wrong)
    complains(said, ERROR, "fingerprint", "fingerprints")
    assert "telephone" in said.err
    assert network.publisher.fingerprint in said.err


@pytest.mark.parametrize(
    ("change", "about"),
    [
        (("minimum_size: 50", "minimum_size: 1"), "minimum_size"),
        (("kind: overlap", "kind: everything"), "jobs.0.kind"),
        (("reveal: true", "reveal: false"), "reveal"),
        (("expires: 2099-12-31", "expires: soon"), "expires"),
        (("version: 1", "version: 1\nsurprise: 1"), "surprise"),
        (("title:", "title: [", ), "YAML"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(
    network: SmallNetwork, tmp_path: Path, document: str, change: tuple[str, str], about: str
) -> None:
    complains(proposed(network, tmp_path, document.replace(*change)), ERROR, about, "docs/tour.md")


def proposed(network: SmallNetwork, folder: Path, text: str) -> Said:
    path = folder / "agreement.yaml"
    path.write_text(text)
    return network.accord_here(BRAND, "collaboration", "propose", str(path))


def test_a_price_beyond_the_budget_is_refused_before_it_is_asked_for(network: SmallNetwork) -> None:
    before = jobs_of(network)
    said = network.accord_here(BRAND, "job", "overlap", UNDER, "--rho", "5")
    assert said.code == REFUSED
    assert [line.split(": ")[1] for line in said.lines()] == ["error", "hint"]
    assert jobs_of(network) == before


# -- machines ------------------------------------------------------------------------------


def test_a_node_that_does_not_run_is_said_to_be_down(network: SmallNetwork, tmp_path: Path) -> None:
    network.kill(BRAND)
    complains(network.accord(BRAND, "job", "list"), NOT_READY, "", "accord node serve")
    network.start(BRAND)
    said = accord("job", "list", "--home", str(tmp_path / "nothing"))
    complains(said, ERROR, "nothing", "--home")


def test_a_coordinator_that_is_down_is_said_to_be_down_and_nothing_is_lost(
    network: SmallNetwork,
) -> None:
    before = jobs_of(network)
    network.kill(COORDINATOR)
    said = network.accord(BRAND, "job", "overlap", UNDER)
    complains(said, NOT_READY, network.proxy.url, "the node goes on trying")
    assert jobs_of(network) == before
    until(lambda: wrong_with(network, BRAND) == {"coordinator-unreachable"}, "the brand says so")
    network.start(COORDINATOR)
    until(lambda: ready(network.brand), "the brand is ready again")
    job = network.run("overlap")
    assert network.brand.get(f"/v1/jobs/{job}")["state"] == "completed"


def test_a_running_job_waits_for_the_coordinator_and_goes_on(network: SmallNetwork) -> None:
    job = network.ask("audience")
    until(lambda: job in jobs_of(network, PUBLISHER), "the publisher sees the job")
    network.kill(COORDINATOR)
    until(
        lambda: wrong_with(network, PUBLISHER) == {"coordinator-unreachable"},
        "the publisher notices",
    )
    assert not network.publisher.get(f"/v1/jobs/{job}")["ended"]
    network.start(COORDINATOR)
    assert {v["state"] for v in network.wait(job).values()} == {"completed"}
    keys = network.publisher.post(f"/v1/audiences/{job}/activations")["keys"]
    assert sorted(keys) == network.expected_keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    "skew_ms",
    [pytest.param(HOUR_MS, id="fast"), pytest.param(-HOUR_MS, id="slow")],
)
def test_a_clock_that_is_wrong_is_named_and_nothing_is_lost(
    network: SmallNetwork, skew_ms: int
) -> None:
    before = jobs_of(network)
    network.kill(BRAND)
    with odd_node(network, BRAND, ACCORD_TEST_SKEW_MS=str(skew_ms)):
        said = network.accord(BRAND, "job", "overlap", UNDER)
        complains(said, NOT_READY, "seconds", "set the clock")
        until(lambda: "clock-skewed" in wrong_with(network, BRAND), "the brand's status says so")
    network.start(BRAND)
    assert jobs_of(network) == before
    assert network.brand.get(f"/v1/jobs/{network.run('overlap')}")["state"] == "completed"


def wrong_with(network: SmallNetwork, name: str) -> set[str]:
    """Return the codes of what a node's status says is wrong; the exit code says it too.

    Asked again and again: in this process.
    """
    said = network.accord_here(name, "node", "status", "--json")
    wrong = {check["code"] for check in load(said)["checks"] if not check["ok"]}
    assert said.code == (NOT_READY if wrong else 0)
    return wrong


@contextlib.contextmanager
def odd_node(network: SmallNetwork, name: str, **environment: str) -> Iterator[None]:
    """Run a party's node on a machine with something wrong; it is gone afterwards."""
    party = network.parties[name]
    (party.home / "url").unlink(missing_ok=True)
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    party.service = processes.start(
        name, "tests.support.odd_node", party.home, "node", "serve", "--home", str(party.home),
        PYTHONPATH=search, **environment,
    )  # fmt: skip
    until(lambda: (party.home / "url").exists(), f"the odd {name} announces itself")
    party.service.url = (party.home / "url").read_text().strip()
    party.http.close()
    party.http = connect(party.service)
    try:
        yield
    finally:
        network.kill(name)


@pytest.mark.slow  # beside tests/faults/test_full_disk.py
def test_a_full_disk_is_named_and_nothing_is_lost(network: SmallNetwork, tmp_path: Path) -> None:
    """The ledger takes up what it can, says so, and takes up the rest once there is room."""
    path = tmp_path / "consents.csv"
    path.write_text(
        "source_event_id,email,purpose,recipient,state,event_time,method\n"
        + "".join(
            f"full-{n},full.{n}@example.com,joint-audience,publisher,given,"
            "2026-01-01T00:00:00.000Z,web-form\n"
            for n in range(4_000)
        )
    )
    imports = ("consent", "import", str(path), "--source", "full")
    with small_disk(network, BRAND, spare_kib=600) as grow:
        said = network.accord(BRAND, *imports)
        complains(said, ERROR, "full", "free some space")
        whole = network.brand.post("/v1/ledger/verify")["size"]
        assert network.accord(BRAND, "job", "list").code == 0
        grow()
        said = network.accord(BRAND, *imports, "--json")
        assert said.code == 0, said.err
        found = load(said)
        assert found["accepted"] + found["repeated"] == 4_000
        assert network.brand.post("/v1/ledger/verify")["size"] == whole + found["accepted"]


@pytest.mark.slow  # beside tests/simulation/test_full_mailbox.py
def test_a_job_waits_while_a_disk_is_full_and_goes_on(network: SmallNetwork) -> None:
    with small_disk(network, PUBLISHER, spare_kib=200) as grow:
        ballast = network.home(PUBLISHER) / "ballast"
        fill(ballast)
        job = network.ask("audience")
        until(lambda: disk_full(network, PUBLISHER), "the publisher notices its full disk")
        grow()
        ballast.unlink()
        assert {v["state"] for v in network.wait(job).values()} == {"completed"}
        keys = network.publisher.post(f"/v1/audiences/{job}/activations")["keys"]
        assert sorted(keys) == network.expected_keys()


def disk_full(network: SmallNetwork, name: str) -> bool:
    return '"cause": "disk-full"' in (network.folder / f"{name}.log").read_text()


def fill(path: Path) -> None:
    """Write until the disk takes no more."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@contextlib.contextmanager
def small_disk(network: SmallNetwork, name: str, *, spare_kib: int) -> Iterator[Any]:
    """Move a stopped node's home onto a disk with little room, run it there, and move it back.

    Yields what makes room. Skips where nobody may mount a disk.
    """
    home = network.home(name)
    network.kill(name)
    kept = home.with_name(f"{name}-aside")
    home.rename(kept)
    home.mkdir(mode=0o700)
    used = sum(p.stat().st_size // 4096 + 2 for p in kept.rglob("*")) * 4
    options = f"mode=700,size={used + spare_kib}k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        home.rmdir()
        kept.rename(home)
        network.start(name)
        pytest.skip(f"NOT TESTED: a full disk needs leave to mount one: {mounted.stderr.strip()}")
    try:
        shutil.copytree(kept, home, dirs_exist_ok=True)
        network.start(name)
        yield lambda: subprocess.run(
            ["mount", "-o", "remount,size=256m", str(home)], check=True, capture_output=True
        )
    finally:
        network.kill(name)
        shutil.rmtree(kept)
        shutil.copytree(home, kept)
        subprocess.run(["umount", str(home)], check=True)
        home.rmdir()
        kept.rename(home)
        network.start(name)
