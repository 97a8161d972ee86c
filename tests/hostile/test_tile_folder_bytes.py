"""Hostile folders of tiles: whatever lies in one, there is a report; what was changed fails."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.audit import Outcome
from consent.policy import Policy
from party_node.evidence.tile_audit import Since, audit_tiles
from party_node.evidence.verifier import line
from tests.support.depth import examples
from tests.support.tile_folder import KEY, log, policy, published

SIZE = 300
QUICK = settings(max_examples=examples(38))
WHOLE = published(SIZE) | {"policy.txt": policy(), "receipt-key.jwk": KEY, "README.txt": b"words"}
TILES = sorted(path for path in WHOLE if path.startswith("tile/"))
PATHS = st.sampled_from([*TILES, "checkpoint"])
ANY_PATH = (
    st.text(max_size=20)
    | st.builds("tile/{}/{}".format, st.sampled_from(["0", "1", "63", "entries"]), st.text())
    | st.builds(
        "tile/{}/{:03}.p/{}".format,
        st.sampled_from(["0", "1", "2", "entries"]),
        st.integers(0, 9),
        st.integers(0, 300),
    )
)


def holds(files: dict[str, bytes], trusted: Policy | None, since: bytes | None = None) -> bool:
    """Audit; return whether nothing failed."""
    checks = audit_tiles(
        files.get,
        files.get,
        trusted,
        with_entries=True,
        since=None if since is None else Since(since),
        paths=sorted(files),
    )
    assert checks
    assert all(line(c).isprintable() for c in checks)
    return all(c.outcome is not Outcome.FAILED for c in checks)


def test_an_honest_folder_holds() -> None:
    for trusted in (None, log().policy()):
        assert holds(WHOLE, trusted, WHOLE["checkpoint"])


@QUICK
@given(PATHS, st.data())
def test_a_file_with_other_bytes_fails(path: str, data: st.DataObject) -> None:
    whole = WHOLE[path]
    at = data.draw(st.integers(0, len(whole)))
    gone, put = data.draw(st.integers(0, 40)), data.draw(st.binary(max_size=40))
    changed = whole[:at] + put + whole[at + gone :]
    assert holds(WHOLE | {path: changed}, log().policy()) == (changed == whole)


@QUICK
@given(ANY_PATH, st.binary(max_size=80))
def test_a_file_that_was_put_in_fails_wherever_it_is(path: str, data: bytes) -> None:
    if path not in WHOLE:
        assert not holds(WHOLE | {path: data}, log().policy())


@QUICK
@given(st.dictionaries(PATHS | ANY_PATH | st.just("policy.txt"), st.binary(max_size=80)))
def test_any_files_make_a_report_that_fails(files: dict[str, bytes]) -> None:
    assert not holds(files, None)
    assert not holds(files, log().policy())


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes_that_an_auditor_kept_make_a_report_that_fails(note: bytes) -> None:
    assert not holds(WHOLE, log().policy(), note)
