"""Evidence bundles: an honest one passes, and each way of cheating fails by name."""

import hashlib
from dataclasses import replace

import pytest

from consent.bundle import (
    BundleEntry,
    Erased,
    Opened,
    Outcome,
    Withheld,
    make_bundle,
    verify_bundle,
)
from consent.bundle_files import README, readme
from consent.errors import LedgerInconsistent, MalformedRecord
from consent.records import payload_bytes
from consent.uses import AsOf
from tests.support.consents import NOON, USE, SmallLedger, event

NOTICE = b"<p>May we?</p>"
FIRST = event(subject_seq=1, notice_hash=hashlib.sha256(NOTICE).digest())


def build() -> tuple[SmallLedger, dict[str, bytes]]:
    """Four entries: an event, the one after it, a use record, a withheld and an erased one."""
    ledger = SmallLedger()
    ledger.append(FIRST)
    second = event(subject_seq=2, previous=ledger.sealed[0].leaf_hash)
    ledger.append(second)
    as_of = AsOf(origin="accord.example/brand", tree_size=2, root_hash=ledger.tree.root())
    use = replace(USE, as_of=as_of)
    ledger.append(use)
    for _ in range(2):
        ledger.append(event())
    note = ledger.checkpoint()
    contents = [
        Opened(payload_bytes(r), ledger.sealed[i].salt) for i, r in enumerate([FIRST, second, use])
    ]
    entries = [
        BundleEntry(i, ledger.sealed[i].leaf, ledger.proof(i, note).encode(), content)
        for i, content in enumerate([*contents, Withheld("not asked for"), Erased("request 17")])
    ]
    files = make_bundle(
        entries, checkpoint=note, policy=ledger.policy_text(), notices=[NOTICE], title="For Ann"
    )
    return ledger, files


LEDGER, FILES = build()


def cheat(**changes: bytes | None) -> dict[str, bytes]:
    """Return the bundle with files changed, added or removed, under a README that lists them so."""
    files = {n: d for n, d in (FILES | changes).items() if d is not None and n != README}
    return files | {README: readme("For Ann", files).encode()}


def failed(files: dict[str, bytes]) -> set[str]:
    report = verify_bundle(files, LEDGER.policy())
    return {c.what for c in report.failures}


def test_an_honest_bundle_passes_every_check() -> None:
    report = verify_bundle(FILES, LEDGER.policy())
    report.require()
    assert report.failures == ()
    assert report.records[0] == FIRST
    assert set(report.records) == {0, 1, 2}
    passed = {(c.what, c.detail) for c in report.checks if c.outcome is Outcome.PASSED}
    assert ("entry 1", "continues the person's chain of events") in passed
    assert ("entry 2", "was decided by an earlier state of this log") in passed


def test_withheld_and_erased_payloads_are_noted_with_their_reason() -> None:
    report = verify_bundle(FILES, LEDGER.policy())
    noted = [(c.what, c.detail) for c in report.checks if c.outcome is Outcome.NOTED]
    assert noted == [("entry 3", "withheld: not asked for"), ("entry 4", "erased: request 17")]
    assert "NOTED  entry 4: erased: request 17" in report.text()


def test_without_a_policy_of_ones_own_the_report_says_so() -> None:
    report = verify_bundle(FILES)
    report.require()
    assert any(c.what == "policy" and c.outcome is Outcome.NOTED for c in report.checks)


def test_the_readme_lists_every_file() -> None:
    for name in FILES:
        if name != README:
            assert f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}\n" in FILES[README].decode()
    assert failed(FILES | {"entries/0.leaf": b"{}"}) >= {"files"}
    assert failed(FILES | {"more": b""}) == {"files"}
    assert failed({n: d for n, d in FILES.items() if n != README}) == {"files"}


def test_a_policy_of_strangers_is_not_believed_when_one_brings_ones_own() -> None:
    stranger = SmallLedger()
    stranger.log = type(stranger.log)("accord.example/brand", b"\x0a" * 32)
    for i in range(5):
        stranger.append(event(), NOON + i)
    files = cheat(**{"policy.txt": stranger.policy_text().encode()})
    assert failed(files) == set()
    report = verify_bundle(files)
    assert "checkpoint" in {c.what for c in report.failures}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"entries/0.leaf": FILES["entries/1.leaf"]}, {"entry 0"}),
        ({"entries/0.leaf": b"{}"}, {"entry 0"}),
        ({"entries/0.leaf": None}, {"entry 0"}),
        ({"entries/0.tlog-proof": None}, {"entry 0"}),
        ({"entries/0.tlog-proof": FILES["entries/1.tlog-proof"]}, {"entry 0"}),
        ({"entries/0.payload": FILES["entries/1.payload"]}, {"entry 0"}),
        ({"entries/0.salt": FILES["entries/1.salt"]}, {"entry 0"}),
        ({"entries/0.salt": None}, {"entry 0"}),
        ({"entries/0.payload": None}, {"entry 0"}),
        ({"entries/0.withheld": b"x\n"}, {"entry 0"}),
        ({"entries/4.erased": None}, {"entry 4"}),
        ({"entries/4.salt": FILES["entries/1.salt"]}, {"entry 4"}),
        ({"checkpoint": LEDGER.checkpoint(4).encode()}, {f"entry {i}" for i in range(5)}),
        ({"checkpoint": None}, {"checkpoint", *(f"entry {i}" for i in range(5))}),
        (
            {"checkpoint": LEDGER.checkpoint(cosigned_by=[]).encode()},
            {"checkpoint", *(f"entry {i}" for i in range(5))},
        ),
        ({"notices/" + hashlib.sha256(NOTICE).hexdigest(): b"<p>!</p>"}, None),
        ({"notices/other": b""}, {"files"}),
        ({"program.exe": b""}, {"files"}),
    ],
)
def test_a_cheat_fails_where_it_was_made(
    changes: dict[str, bytes | None], expected: set[str] | None
) -> None:
    where = failed(cheat(**changes))
    assert where == (expected or {"notices/" + hashlib.sha256(NOTICE).hexdigest()})
    with pytest.raises(LedgerInconsistent):
        verify_bundle(cheat(**changes), LEDGER.policy()).require()


def test_a_missing_notice_is_noted() -> None:
    files = cheat(**{"notices/" + hashlib.sha256(NOTICE).hexdigest(): None})
    report = verify_bundle(files, LEDGER.policy())
    report.require()
    assert any(c.detail == "its notice is not in the bundle" for c in report.checks)


def test_an_event_that_was_left_out_breaks_the_chain() -> None:
    ledger = SmallLedger()
    ledger.append(FIRST)
    other = event(subject_seq=2, previous=b"\x00" * 32)
    ledger.append(other)
    note = ledger.checkpoint()
    entries = [
        BundleEntry(
            i,
            ledger.sealed[i].leaf,
            ledger.proof(i, note).encode(),
            Opened(payload_bytes(r), ledger.sealed[i].salt),
        )
        for i, r in enumerate([FIRST, other])
    ]
    files = make_bundle(entries, checkpoint=note, policy=ledger.policy_text())
    assert failed(files) == {"entry 1"}


def test_a_bundle_that_cannot_be_is_not_made() -> None:
    entry = BundleEntry(0, b"{}", "", Withheld("x"))
    with pytest.raises(MalformedRecord):
        make_bundle([entry, entry], checkpoint="", policy="")
    for content in (Withheld("two\nlines"), Erased("")):
        with pytest.raises(MalformedRecord):
            make_bundle([replace(entry, content=content)], checkpoint="", policy="")
    with pytest.raises(MalformedRecord):
        make_bundle([], checkpoint="", policy="", title="two\nlines")
