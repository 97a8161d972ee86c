"""Known answers for tiles: those of the specification, and our own over seventy thousand leaves."""

import hashlib
import json
from pathlib import Path
from typing import Any

from consent.tiles import EntryBundle, Tile, parse_path, tiles_of
from tests.support.tile_store import fingerprint, grown, published, published_entries

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "tiles.json").read_text(encoding="utf-8")
)


def test_the_paths_of_the_specification() -> None:
    vector = VECTORS["paths"]
    level, number = vector["level"], vector["number"]
    assert Tile(level, number).path == vector["full"]
    assert EntryBundle(number).path == vector["entries"]
    assert parse_path(vector["partial_8"]) == Tile(level, number, 8)


def test_the_widths_of_the_specification_at_seventy_thousand() -> None:
    vector = VECTORS["seventy_thousand"]
    tiles = list(tiles_of(vector["size"]))
    for level, (full, width) in enumerate(zip(vector["full"], vector["partial"], strict=True)):
        assert [t.width for t in tiles if t.level == level] == [256] * full + [width]
    assert {t.level for t in tiles} == {0, 1, 2}


def test_the_tiles_and_entry_bundles_of_seventy_thousand_leaves_are_these_bytes() -> None:
    vector = VECTORS["seventy_thousand"]
    tiles, entries = published(vector["size"]), published_entries(vector["size"])
    for path, digest in vector["sha256"].items():
        assert hashlib.sha256((tiles | entries)[path]).hexdigest() == digest
    assert fingerprint(tiles) == vector["all_tiles"]
    assert grown(vector["size"])[0].root().hex() == vector["root"]
