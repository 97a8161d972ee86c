"""Prepared sets in files: increments against preparing afresh, and no more read than needed."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from party_node.errors import KeptSetGone, SealBroken
from party_node.matchable import Matchable
from party_node.prepared import preparing
from party_node.prepared.manifests import SetManifest
from party_node.prepared.sealed_folder import SealedFolder
from party_node.prepared.set_words import begun
from party_node.vault import Vault
from protocols.errors import LocalError
from protocols.psi import tag_sets
from protocols.psi.epochs import epoch_context
from protocols.psi.prepared_kept import Version
from protocols.psi.tag_sets import EMPTY
from tests.support.seeded import seeded

T = 12
KINDS = ("email", "phone")
FAR = 70_000
"""Times this, numbers of people fall into several shards."""
_CTX = epoch_context(bytes(32), bytes(16), T)


def digest(value: int) -> bytes:
    return hashlib.sha256(b"identifier" + value.to_bytes(4, "big")).digest()


def tag(value: int) -> bytes:
    """Return what stands for the evaluation with a key: these tests are about files."""
    return hashlib.sha256(b"tag" + digest(value)).digest()[:T]


People = dict[int, set[tuple[int, int]]]
"""Of each person the identifiers: position of the type, and what stands for a value."""


def has(*values: int) -> set[tuple[int, int]]:
    """Return identifiers: even numbers are of the first type, odd ones of the second."""
    return {(value % 2, value) for value in values}


@dataclass
class Prepared:
    """A set in a folder, with what was read and evaluated for it."""

    path: Path
    rng: object = field(default_factory=lambda: seeded("files"))
    evaluated: int = 0
    read: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        vault = Vault(bytes(32), seeded("vault"))
        self.folder = SealedFolder(self.path, vault, self.rng)
        self.now = begun(bytes(32), T, len(KINDS), bytes(16), bytes(32), 0)

    def take(self, people: People, asked: set[int], state: str) -> None:
        """Let everybody in `asked` be permitted; `people` has the identifiers that each one has."""

        def read(among: BitMap):
            self.read += len(among)
            found = [(n, *each) for n in sorted(among) for each in sorted(people.get(n, ()))]
            rows = [np.frombuffer(digest(value), np.uint8) for _, _, value in found]
            return Matchable(
                KINDS,
                np.array([n for n, _, _ in found], np.uint32),
                np.array([kind for _, kind, _ in found], np.uint8),
                np.array(rows, np.uint8).reshape(-1, 32),
                (0, 0),
            )

        def evaluate(_manifest, digests):
            self.evaluated += len(digests)
            rows = [hashlib.sha256(b"tag" + d.tobytes()).digest()[:T] for d in digests]
            return tag_sets.tags_from_bytes(b"".join(rows), T)

        step: SetManifest | None = preparing.of_index(self.now, state)
        while step is not None:
            self.now, self.steps = step, self.steps + 1
            step = preparing.advanced(self.folder, step, BitMap(asked), read, evaluate)
        self.now = preparing.laid(self.now)

    def tags(self) -> set[bytes]:
        return {row.tobytes() for row in preparing.all_tags(self.folder, self.now)}

    def since(self, number: int) -> tuple[set[bytes], set[bytes]]:
        found = preparing.difference(self.folder, self.now, number)
        cut = lambda data: {data[i : i + T] for i in range(0, len(data), T)}  # noqa: E731
        return cut(found.removed), cut(found.added)


person = st.integers(0, 12).map(lambda n: n * FAR // 3)
worlds = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 30), person, max_size=24).map(
            lambda whose: {
                p: has(*(value for value, q in whose.items() if q == p)) for p in whose.values()
            }
        ),
        st.sets(person),
    ),
    max_size=6,
)


@settings(max_examples=80)
@given(worlds, st.sampled_from([1, 3, 1000]))
def test_increments_lead_where_preparing_afresh_leads(tmp_path_factory, worlds, at_once):
    """Whoever comes, goes, changes or loses their identifier: the set is exactly who is permitted
    and has one, and the difference from each version that a run used leads there.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "AT_ONCE", at_once)
        walk(tmp_path_factory, worlds)


def walk(tmp_path_factory, worlds) -> None:
    prepared = Prepared(tmp_path_factory.mktemp("sets"))
    history: dict[Version, set[bytes]] = {}
    for number, (people, asked) in enumerate(worlds):
        prepared.take(people, asked, str(number))
        inside = {n for n in asked if n in people}
        found = {(n, *each) for n in inside for each in people[n]}
        wanted = {tag(value) for _, _, value in found}
        assert prepared.tags() == wanted
        assert set(BitMap.deserialize(prepared.now.people)) == inside
        assert prepared.now.checksum.count == len(wanted)
        for kind in range(len(KINDS)):
            values = [n for n, k, _ in found if k == kind]
            assert prepared.now.values_of(kind) == len(values)
            assert prepared.now.people_of(kind) == len(set(values))
        ordered = tag_sets.tags_from_bytes(b"".join(sorted(wanted)), T)
        assert prepared.now.checksum == EMPTY.plus(ordered)
        for change in prepared.now.changes:
            if change.before not in history:
                continue  # a step on the way, which no receiver ever had
            before = history[change.before]
            removed, added = prepared.since(change.before.number)
            assert (removed, added) == (before - wanted, wanted - before)
        history[prepared.now.version] = wanted


def everybody(n: int) -> People:
    return {i * FAR: has(i) for i in range(n)}


def test_nothing_is_read_or_written_when_nothing_changed(tmp_path):
    prepared = Prepared(tmp_path)
    people = everybody(5)
    asked = set(people) | {7}  # one who is permitted and has no such identifier
    prepared.take(people, asked, "a")
    first, files = prepared.now, sorted(tmp_path.iterdir())
    assert (prepared.read, prepared.evaluated) == (6, 5)
    prepared.take(people, asked, "a")
    assert prepared.now == first
    assert sorted(tmp_path.iterdir()) == files
    assert (prepared.read, prepared.evaluated) == (6, 5)


def test_an_increment_reads_evaluates_and_writes_only_what_it_touches(tmp_path):
    prepared = Prepared(tmp_path)
    people = everybody(20)
    prepared.take(people, set(people), "a")
    before = {shard.number: shard.file for shard in prepared.now.shards}
    assert len(before) == 20
    prepared.take({**people, 1: has(77)}, (set(people) | {1}) - {19 * FAR}, "a")
    after = {shard.number: shard.file for shard in prepared.now.shards}
    assert prepared.evaluated == prepared.read == 21
    assert {n for n in after if after[n] != before.get(n)} == {0}
    assert set(before) - set(after) == {19 * FAR >> 16}


def test_an_index_written_anew_is_compared_and_costs_no_evaluation(tmp_path):
    prepared = Prepared(tmp_path)
    people = everybody(20)
    prepared.take(people, set(people), "a")
    prepared.take({**people, 0: has(99)}, set(people), "b")
    assert (prepared.read, prepared.evaluated) == (40, 21)
    assert prepared.since(1) == ({tag(0)}, {tag(99)})


def test_of_a_person_with_other_identifiers_only_those_are_evaluated(tmp_path):
    prepared = Prepared(tmp_path)
    prepared.take({0: has(1, 2, 3), FAR: has(4)}, {0, FAR}, "a")
    assert prepared.evaluated == 4
    prepared.take({0: has(1, 3, 6, 8), FAR: has(4)}, {0, FAR}, "b")
    assert prepared.evaluated == 6
    assert prepared.since(1) == ({tag(2)}, {tag(6), tag(8)})


def test_a_person_comes_and_goes_with_all_identifiers(tmp_path):
    prepared = Prepared(tmp_path)
    people = {0: has(1, 2, 3), 1: has(4), FAR: has(5, 6)}
    prepared.take(people, {1, FAR}, "a")
    prepared.take(people, {0, 1, FAR}, "a")
    assert prepared.since(1) == (set(), {tag(1), tag(2), tag(3)})
    assert [prepared.now.people_of(kind) for kind in (0, 1)] == [3, 2]
    assert [prepared.now.values_of(kind) for kind in (0, 1)] == [3, 3]
    prepared.take(people, {1}, "a")
    assert prepared.tags() == {tag(4)}
    left = preparing.forgotten(prepared.folder, prepared.now, 1)
    assert left is not None
    assert left.checksum == EMPTY
    assert left.shards == ()


def test_an_identifier_that_passes_to_somebody_else_stays(tmp_path, monkeypatch):
    """Whichever of the two is looked at first, and in one step or in two."""
    for at_once in (1, 2):
        for giver, taker in ((0, FAR), (FAR, 0)):
            monkeypatch.setattr(preparing, "AT_ONCE", at_once)
            prepared = Prepared(tmp_path / f"{at_once}-{giver}")
            prepared.take({giver: has(1, 2), taker: has(3)}, {0, FAR}, "a")
            first = prepared.now.version.number
            prepared.take({giver: has(2), taker: has(1, 3)}, {0, FAR}, "b")
            assert prepared.tags() == {tag(1), tag(2), tag(3)}
            assert prepared.since(first) == (set(), set())


def test_an_interrupted_preparation_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "AT_ONCE", 4)
    prepared = Prepared(tmp_path)
    people = everybody(10)

    class Killed(Exception):
        pass

    original, calls = SealedFolder.add, 0

    def add(folder, data):
        nonlocal calls
        calls += 1
        if calls == 7:
            raise Killed
        return original(folder, data)

    monkeypatch.setattr(SealedFolder, "add", add)
    with pytest.raises(Killed):
        prepared.take(people, set(people), "a")
    assert prepared.tags() == {tag(n) for n in range(4)}
    prepared.take(people, set(people), "a")
    assert prepared.tags() == {tag(n) for n in range(10)}
    assert prepared.evaluated == 10 + 4  # only the step that was interrupted is repeated
    assert prepared.read == 10 + 4


def test_differences_too_large_or_too_old_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "SMALL_CHANGE", 4)
    monkeypatch.setattr(preparing, "MOST_CHANGES", 3)
    prepared = Prepared(tmp_path)
    prepared.take(everybody(4), set(everybody(4)), "a")
    for n in range(5, 10):
        prepared.take(everybody(n), set(everybody(n)), "a")
    assert [c.before.number for c in prepared.now.changes] == [3, 4, 5]
    prepared.take(everybody(30), set(everybody(30)), "a")
    assert prepared.now.changes == ()


def test_forgetting_leaves_no_trace_in_any_file_that_is_named(tmp_path):
    prepared = Prepared(tmp_path)
    prepared.take(everybody(5), set(everybody(5)), "a")
    prepared.take(everybody(6), set(everybody(6)), "a")
    assert prepared.now.changes
    left = preparing.forgotten(prepared.folder, prepared.now, 5 * FAR)
    assert left is not None
    assert left.changes == ()
    assert left.version.number == prepared.now.version.number + 1
    prepared.folder.sweep(left.files())
    on_disk = [prepared.folder.read(path.name) for path in tmp_path.iterdir()]
    assert not [data for data in on_disk if tag(5) in data]
    prepared.now = left
    assert prepared.tags() == {tag(n) for n in range(5)}
    assert preparing.forgotten(prepared.folder, left, 5 * FAR) is None


def test_one_identifier_of_two_people_is_refused(tmp_path):
    prepared = Prepared(tmp_path)
    prepared.take({0: has(1), FAR: has(1)}, {0, FAR}, "a")
    with pytest.raises(LocalError):
        prepared.tags()


# The folder


def test_a_file_opens_only_in_its_place(tmp_path):
    vault = Vault(bytes(32))
    one, other = (SealedFolder(tmp_path / name, vault, seeded(name)) for name in ("a", "b"))
    name = one.add(b"secret tags")
    assert b"secret" not in (tmp_path / "a" / name).read_bytes()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / name).rename(tmp_path / "b" / name)
    with pytest.raises(SealBroken):
        other.read(name)
    with pytest.raises(KeptSetGone):
        one.read(name)


def test_a_manifest_replaces_the_one_before_and_names_what_stays(tmp_path):
    folder = SealedFolder(tmp_path / "set", Vault(bytes(32)), seeded("x"))
    assert folder.manifest() is None
    first, second = folder.add(b"1"), folder.add(b"2")
    folder.publish(b"one")
    folder.publish(b"two")
    folder.sweep({second})
    assert (folder.manifest(), folder.read(second)) == (b"two", b"2")
    with pytest.raises(KeptSetGone):
        folder.read(first)
    folder.erase()
    folder.erase()
    folder.sweep(set())
    assert folder.manifest() is None
