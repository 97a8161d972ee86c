"""Filling a prepared set: its size is a step, and a change of one kind looks like the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from party_node.matchable import Matchable
from party_node.prepared import filling, preparing
from party_node.prepared.manifests import SetManifest
from party_node.prepared.people_file import SHARD_BITS
from party_node.prepared.sealed_folder import SealedFolder
from party_node.prepared.set_words import begun
from party_node.vault import Vault
from protocols.psi import tag_sets
from protocols.psi.epochs import epoch_context
from protocols.psi.prepared_kept import Version
from protocols.psi.tag_sets import EMPTY
from tests.support.seeded import seeded

T = 12
_CTX = epoch_context(bytes(32), bytes(16), T)


class Filled:
    """A set in a folder that is filled up after each change; people's tags are made of numbers."""

    def __init__(self, path) -> None:
        self.rng = seeded("filling")
        self.folder = SealedFolder(path, Vault(bytes(32), seeded("vault")), self.rng)
        self.now = begun(bytes(32), T, 1, bytes(16), bytes(32), 0)

    def take(self, people: set[int], size: int) -> None:
        following: SetManifest | None = self.now
        while following is not None:
            self.now = following
            following = preparing.advanced(self.folder, following, BitMap(people), read, evaluate)
        assert filling.people_items(self.now) == len(people)
        filled = filling.filled(self.folder, self.now, size, self.rng)
        self.now = preparing.laid(filled or self.now)

    def tags(self) -> set[bytes]:
        return {row.tobytes() for row in preparing.all_tags(self.folder, self.now)}

    def since(self, number: int) -> tuple[set[bytes], set[bytes]]:
        found = preparing.difference(self.folder, self.now, number)
        cut = lambda data: {data[i : i + T] for i in range(0, len(data), T)}  # noqa: E731
        return cut(found.removed), cut(found.added)


def read(among: BitMap) -> Matchable:
    people = np.array(among.to_array(), np.uint32)
    digests = np.zeros((len(people), 32), np.uint8)
    digests[:, :4] = people.view(np.uint8).reshape(-1, 4)
    return Matchable(("email",), people, np.zeros(len(people), np.uint8), digests, (0,))


def evaluate(_manifest, digests):
    return np.ascontiguousarray(digests[:, :T])


def tag(person: int) -> bytes:
    return person.to_bytes(4, "little") + bytes(T - 4)


person = st.integers(0, 40).map(lambda n: n * 40_000)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sets(person), st.integers(0, 30)), min_size=1, max_size=6))
def test_a_set_has_its_people_and_as_many_tags_as_are_wanted(tmp_path_factory, turns):
    found = Filled(tmp_path_factory.mktemp("sets"))
    history: dict[Version, set[bytes]] = {}
    for people, more in turns:
        found.take(people, len(people) + more)
        tags = found.tags()
        assert len(tags) == found.now.checksum.count == len(people) + more
        assert {tag(n) for n in people} <= tags
        assert found.now.checksum == EMPTY.plus(preparing.all_tags(found.folder, found.now))
        assert found.now.people_of(0) == found.now.values_of(0) == len(people)
        assert len(BitMap.deserialize(found.now.filling)) == more
        for change in found.now.changes:
            if change.before in history:
                before = history[change.before]
                assert found.since(change.before.number) == (before - tags, tags - before)
        history[found.now.version] = tags


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        (set(range(50)) - {1, 2, 3}, 3),
        (set(range(53)), 3),
        (set(range(2, 55)), 5),
        (set(range(50)), 0),
    ],
)
def test_a_difference_says_how_many_came_or_went_and_not_which(tmp_path, after, changed):
    found = Filled(tmp_path)
    found.take(set(range(50)), 100)
    first = found.now.version.number
    found.take(after, 100)
    removed, added = found.since(first)
    assert (len(removed), len(added)) == (changed, changed)


def test_which_filling_leaves_is_left_to_chance(tmp_path):
    """Were it the newest, a receiver would know what came last for what it is."""
    found = Filled(tmp_path)
    found.take(set(range(100)), 200)
    for _ in range(3):
        found.take(set(range(50)), 200)
        newest = found.since(found.now.version.number - 1)[1]
        assert len(newest) == 50
        found.take(set(range(100)), 200)
        removed = found.since(found.now.version.number - 1)[0]
        assert 0 < len(newest & removed) < 50


def test_nothing_is_written_where_the_size_fits(tmp_path):
    found = Filled(tmp_path)
    found.take({1, 2}, 10)
    files = sorted(tmp_path.iterdir())
    assert filling.filled(found.folder, found.now, 10, found.rng) is None
    found.take({1, 2}, 10)
    assert sorted(tmp_path.iterdir()) == files


def test_filling_lies_behind_all_people(tmp_path):
    found = Filled(tmp_path)
    found.take({2**31 - 1}, 10)
    numbers = [shard.number for shard in found.now.shards]
    assert numbers == [(2**31 - 1) >> SHARD_BITS, filling.FIRST >> SHARD_BITS]
    left = preparing.forgotten(found.folder, found.now, 2**31 - 1)
    assert left is not None
    assert left.checksum.count == 9
    assert len(tag_sets.strings(preparing.all_tags(found.folder, left))) == 9
