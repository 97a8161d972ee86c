"""Hostile evidence: for any bytes there is a report or `UnreadableBundle`, and nothing else."""

import functools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.audit import Outcome
from party_node.evidence.archive import UnreadableBundle, read
from party_node.evidence.bundle_audit import audit_bundle
from party_node.evidence.files import INCOMPLETE, LEDGER, MANIFEST, RUNS, RunFile
from party_node.evidence.verifier import line, summary
from protocols import cbor
from protocols.errors import MalformedMessage
from tests.support.depth import examples
from tests.support.evidence import exported, failed, relisted
from tests.support.two_nodes import BRAND

QUIET = settings(
    max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LONG = settings(QUIET, max_examples=1000)

NAMES = st.one_of(
    st.text(max_size=20),
    st.sampled_from([MANIFEST, "README.txt", "ledger/checkpoint", "ledger/policy.txt"]),
    st.builds(
        "{}entries/{}.{}".format,
        st.just(LEDGER),
        st.integers(0, 9),
        st.sampled_from(["leaf", "tlog-proof", "payload", "salt", "withheld", "erased"]),
    ),
    st.builds(
        "{}{}/{}".format,
        st.just(RUNS),
        st.sampled_from(["a" * 32, "b" * 32]),
        st.sampled_from([*RunFile, INCOMPLETE]),
    ),
)


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """Return `data` with a few bytes changed, cut out or put in."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.sampled_from([0, 1, 1, 4, 100]))
        data = data[:at] + draw(st.binary(max_size=4)) + data[at + gone :]
    return data


def report(files: dict[str, bytes]) -> bool:
    """Audit in every way; return whether anything failed."""
    proof = exported()
    ends = []
    for policy, known in ((None, None), (proof.policy(), proof.fingerprints())):
        checks = audit_bundle(files, policy, known)
        assert all(line(c).isprintable() for c in checks)
        assert summary(checks)
        ends.append(any(c.outcome is Outcome.FAILED for c in checks))
    return any(ends)


@QUIET
@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=12))
def test_any_files_make_a_report_that_fails(files: dict[str, bytes]) -> None:
    assert report(files)
    assert report(relisted(files))


def mutated(data: st.DataObject) -> None:
    files = exported().files()
    name = data.draw(st.sampled_from(sorted(files)))
    changed = data.draw(mutations(files[name]))
    assert report(files | {name: changed}) == (changed != files[name])
    report(relisted(files | {name: changed}))


@QUIET
@given(st.data())
def test_a_mutated_file_makes_a_report_that_fails(data: st.DataObject) -> None:
    mutated(data)


@pytest.mark.slow
@LONG
@given(st.data())
def test_many_mutated_files_make_a_report_that_fails(data: st.DataObject) -> None:
    mutated(data)


@functools.cache
def places() -> list[tuple[str, int]]:
    """Return every byte of the CBOR files of one run that can be changed and still be read."""
    found = []
    proof = exported()
    for name, data in proof.files().items():
        if proof.overlap in name and name.endswith(".cbor"):
            for at in range(0, len(data), 7):
                try:
                    cbor.read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
                except MalformedMessage:
                    continue
                found.append((name, at))
    return found


@QUIET
@given(st.data())
def test_a_readable_record_with_another_value_fails(data: st.DataObject) -> None:
    """Not the shape but a value is changed, and the lists are made anew: signatures must tell."""
    name, at = data.draw(st.sampled_from(places()))
    proof = exported()
    files = proof.files()
    changed = files[name][:at] + bytes([files[name][at] ^ 1]) + files[name][at + 1 :]
    assert failed(proof.check(relisted(files | {name: changed})))


def unreadable_or_read(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        files = read(path)
    except UnreadableBundle:
        return
    assert report(files) == (files != exported().files())


@QUIET
@given(data=st.binary(max_size=400))
def test_any_bytes_are_no_bundle(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.zip"
    path.write_bytes(data)
    with pytest.raises(UnreadableBundle):
        read(path)


@QUIET
@given(data=st.data())
def test_a_mutated_zip_is_unreadable_or_reported(tmp_path: Path, data: st.DataObject) -> None:
    whole = exported().zips[BRAND]
    unreadable_or_read(tmp_path / "any.zip", data.draw(mutations(whole)))


@QUIET
@given(data=st.data())
def test_a_mutated_zip_directory_is_unreadable_or_reported(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = exported().zips[BRAND]
    start = whole.index(b"PK\x01\x02")
    tail = data.draw(mutations(whole[start:]))
    unreadable_or_read(tmp_path / "any.zip", whole[:start] + tail)
