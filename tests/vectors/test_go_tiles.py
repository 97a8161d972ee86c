"""Our tiles, read, proved from and made anew by Go's own library (golang.org/x/mod/sumdb/tlog).

Go writes the tile height into the path (`tile/8/0/…`); the bytes of a tile of height 8 are the
same. Needs Go and Debian's golang-golang-x-mod-dev; says so and skips without them.
"""

import base64
import json
from pathlib import Path

import pytest

from consent.tile_audit import open_tiles
from tests.support.go import ask, require_go
from tests.support.tile_store import hash_tree, published

PROGRAM = """
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Size, Old, Index int64
	Root             []byte
	Files            map[string][]byte
}

type answer struct {
	Inclusion, Consistency [][]byte
	Made                   int
}

type directory map[string][]byte

func (d directory) Height() int { return 8 }

func (d directory) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, t := range tiles {
		found, ok := d[strings.Replace(t.Path(), "tile/8/", "tile/", 1)]
		if !ok {
			return nil, fmt.Errorf("no %s", t.Path())
		}
		data = append(data, found)
	}
	return
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

func check(what string, err error) {
	if err != nil {
		fmt.Println(what, err)
		os.Exit(1)
	}
}

func slices(hs []tlog.Hash) (bs [][]byte) {
	for _, h := range hs {
		bs = append(bs, append([]byte(nil), h[:]...))
	}
	return
}

// remade counts the files that Go makes from the leaves to the same bytes.
func remade(q question) (made int) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (hs []tlog.Hash, err error) {
		for _, i := range indexes {
			hs = append(hs, stored[i])
		}
		return
	})
	for i := int64(0); i < q.Size; i++ {
		leaf := tlog.RecordHash([]byte(fmt.Sprintf("entry %d", i)))
		hs, err := tlog.StoredHashesForRecordHash(i, leaf, reader)
		check("stored", err)
		stored = append(stored, hs...)
	}
	for path, data := range q.Files {
		tile, err := tlog.ParseTilePath(strings.Replace(path, "tile/", "tile/8/", 1))
		check("path", err)
		ours, err := tlog.ReadTileData(tile, reader)
		check("tile", err)
		if !bytes.Equal(ours, data) {
			check("bytes", fmt.Errorf("of %s", path))
		}
		made++
	}
	return
}

func main() {
	var q question
	check("json", json.NewDecoder(os.Stdin).Decode(&q))
	var root tlog.Hash
	copy(root[:], q.Root)
	reader := tlog.TileHashReader(tlog.Tree{N: q.Size, Hash: root}, directory(q.Files))
	inclusion, err := tlog.ProveRecord(q.Size, q.Index, reader)
	check("record", err)
	leaf := tlog.RecordHash([]byte(fmt.Sprintf("entry %d", q.Index)))
	check("inclusion", tlog.CheckRecord(inclusion, q.Size, root, q.Index, leaf))
	consistency, err := tlog.ProveTree(q.Size, q.Old, reader)
	check("tree", err)
	json.NewEncoder(os.Stdout).Encode(answer{slices(inclusion), slices(consistency), remade(q)})
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_go()
    return tmp_path_factory.mktemp("go-tiles")


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def question(size: int, old: int, index: int) -> dict[str, object]:
    files = {path: text(data) for path, data in published(size).items()}
    root = text(hash_tree(size).root())
    return {"Size": size, "Old": old, "Index": index, "Root": root, "Files": files}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "old", "index"),
    [
        (1, 1, 0),
        (255, 254, 254),
        (256, 255, 0),
        (257, 256, 256),
        (1000, 769, 511),
        (65_536, 65_535, 65_535),
        (65_537, 1, 65_536),
        (70_000, 65_792, 300),
    ],
)
def test_go_makes_our_tiles_and_from_them_our_proofs(
    folder: Path, size: int, old: int, index: int
) -> None:
    answer = json.loads(ask(folder, PROGRAM, question(size, old, index)))
    files = published(size)
    tree = open_tiles(files.get, size, hash_tree(size).root())
    assert answer["Made"] == len(files)
    for found, ours in (
        (answer["Inclusion"], tree.inclusion_proof(index, size)),
        (answer["Consistency"], tree.consistency_proof(old, size)),
    ):
        assert [base64.b64decode(h) for h in found or []] == list(ours)


@pytest.mark.slow
def test_go_refuses_tiles_that_were_changed(folder: Path) -> None:
    honest, files = question(1000, 769, 511), published(1000)
    # It refuses a tile when it reads it, or else the proof that it then makes.
    refusals = ("record downloaded inconsistent tile", "inclusion invalid transparency proof")
    for path in ("tile/0/001", "tile/1/000.p/3"):
        changed = bytes([files[path][0] ^ 1]) + files[path][1:]
        sent = {p: text(changed if p == path else d) for p, d in files.items()}
        assert ask(folder, PROGRAM, honest | {"Files": sent}).startswith(refusals)
