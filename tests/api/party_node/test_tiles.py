"""The published ledger by the local API: hashes for auditors, entries for who may read them."""

from collections.abc import Iterator

import pytest

from consent.entry_bundle import decode_entries
from consent.merkle import hash_leaves
from consent.tile_audit import verify_tiles
from consent.tiles import Tile, tiles_of
from party_node.errors import QuorumMissed
from tests.support.running_node import Node, running_pair

SIZE = 260
HASHES, WITH_ENTRIES = "/v1/ledger", "/v1/ledger/with-entries"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with 260 entries, all of them published; nothing is to be added."""
    with running_pair(tmp_path_factory.mktemp("long")) as pair:
        yield filled(pair.shop)


def filled(node: Node) -> Node:
    events = [
        {
            "key": f"e{n}", "email": f"p{n}@example.com", "state": "given",
            "purpose": "joint-audience",
        }
        for n in range(SIZE - 1)
    ]  # fmt: skip
    for start in range(0, len(events), 100):
        batch = {"events": events[start : start + 100]}
        answer = node.http.post("/v1/consent/events/batch", json=batch)
        assert answer.status_code == 201, answer.text
    node.services.witnessing.publish(SIZE)
    assert node.services.ledger.head()[0] == SIZE
    return node


def code(node: Node, path: str) -> tuple[int, str]:
    answer = node.http.get(path)
    return answer.status_code, answer.json()["type"].rsplit(":", 1)[1]


def test_checkpoint_and_tiles_are_a_tree_that_somebody_else_can_check(long: Node) -> None:
    for prefix in (HASHES, WITH_ENTRIES):
        note = long.http.get(f"{prefix}/checkpoint")
        assert note.headers["content-type"] == "text/plain; charset=utf-8"
        said = long.services.witnessing.trust.policy.open(note.text)
        assert said.size == SIZE

        def read(path: str, prefix: str = prefix) -> bytes | None:
            answer = long.http.get(f"{prefix}/{path}")
            return answer.content if answer.status_code == 200 else None

        assert verify_tiles(read, said.size, said.root) == 3
        assert len(read("tile/0/000") or b"") == 8192
        assert len(read("tile/0/001.p/4") or b"") == 4 * 32
        assert len(read("tile/1/000.p/1") or b"") == 32


def test_entry_bundles_hold_the_leaves_that_the_tiles_have_the_hashes_of(long: Node) -> None:
    for name, width in (("000", 256), ("001.p/4", 4)):
        bundle = long.http.get(f"{WITH_ENTRIES}/tile/entries/{name}").content
        tile = long.http.get(f"{HASHES}/tile/0/{name}").content
        assert b"".join(hash_leaves(decode_entries(bundle, width))) == tile
        # A leaf says nothing about anybody: payloads are not in it.
        assert b"joint-audience" not in bundle
        assert b"example.com" not in bundle


def test_under_the_prefix_of_hashes_there_is_no_entry(long: Node) -> None:
    for name in ("entries/000", "entries/001.p/4"):
        assert code(long, f"{HASHES}/tile/{name}") == (404, "not-found")


def test_nobody_gets_anything_without_a_token(long: Node) -> None:
    paths = ("checkpoint", "tile/0/000", "tile/entries/000", "tile/entries/001.p/4")
    for prefix in (HASHES, WITH_ENTRIES):
        for path in paths:
            answer = long.stranger.get(f"{prefix}/{path}")
            assert answer.status_code == 401, (prefix, path)
            assert answer.headers["content-type"] == "application/problem+json"
            wrong = {"Authorization": "Bearer wrong"}
            assert long.stranger.get(f"{prefix}/{path}", headers=wrong).status_code == 401


def test_an_auditor_with_a_role_gets_the_tiles(long: Node) -> None:
    added = long.http.post("/v1/roles", json={"name": "dpo", "role": "compliance"}).json()
    headers = {"Authorization": f"Bearer {added['token']}"}
    assert long.stranger.get(f"{HASHES}/tile/0/000", headers=headers).status_code == 200


ABSENT = (
    "0/002", "0/001", "0/001.p/5", "1/000", "1/000.p/2", "2/000.p/1", "0/0", "0/0000", "00/000",
    "0/x000/000", "64/000", "0/000.p/0", "0/000.p/256", "0/001.p/04", "-1/000", "0/000/",
    "entries", "entries/000", "8/0/000", "data/000",
)  # fmt: skip


def test_no_other_path_is_answered(long: Node) -> None:
    for path in ABSENT:
        assert long.http.get(f"{HASHES}/tile/{path}").status_code == 404, path


def test_partial_tiles_of_earlier_checkpoints_are_still_there(long: Node) -> None:
    whole = long.http.get(f"{HASHES}/tile/0/000").content
    for width in (1, 17, 255):
        assert long.http.get(f"{HASHES}/tile/0/000.p/{width}").content == whole[: width * 32]
    assert long.http.get(f"{HASHES}/tile/0/001.p/2").status_code == 200


def test_only_what_is_published_is_given_out(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def missed(_size: int) -> None:
        raise QuorumMissed

    for prefix in (HASHES, WITH_ENTRIES):
        for path in ("checkpoint", "tile/0/000.p/1"):
            assert code(node, f"{prefix}/{path}") == (409, "not-published")
    node.say()
    node.services.witnessing.publish(2)
    monkeypatch.setattr(node.services.witnessing, "publish", missed)
    node.say("withdrawn", "event-2")
    assert node.services.ledger.head()[0] == 3
    assert node.http.get(f"{HASHES}/tile/0/000.p/2").status_code == 200
    for path in ("tile/0/000.p/3", "tile/entries/000.p/3"):
        assert code(node, f"{WITH_ENTRIES}/{path}") == (404, "not-found")
    assert node.http.get(f"{HASHES}/checkpoint").text.split("\n")[1] == "2"


def test_tiles_never_change_and_checkpoints_do(long: Node) -> None:
    tile = long.http.get(f"{HASHES}/tile/0/000")
    assert "immutable" in tile.headers["cache-control"]
    assert "no-store" not in tile.headers["cache-control"]
    assert tile.headers["content-type"] == "application/octet-stream"
    assert long.http.get(f"{HASHES}/checkpoint").headers["cache-control"] == "no-cache"
    entries = long.http.get(f"{WITH_ENTRIES}/tile/entries/000")
    # No shared cache may keep entries.
    assert "private" in entries.headers["cache-control"]
    missing = long.http.get(f"{HASHES}/tile/0/007")
    assert missing.headers["cache-control"] == "no-store"


def test_every_tile_that_the_tree_has_is_there(long: Node) -> None:
    for tile in tiles_of(SIZE):
        assert isinstance(tile, Tile)
        answer = long.http.get(f"{HASHES}/{tile.path}")
        assert (answer.status_code, len(answer.content)) == (200, tile.width * 32)
