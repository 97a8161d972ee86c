"""Our notes, checkpoints and proofs, verified by Go's own library (golang.org/x/mod/sumdb).

Needs Go and Debian's golang-golang-x-mod-dev; says so and skips without them. No network is used.
"""

import base64
from pathlib import Path

import pytest

from consent.checkpoint import LogSigner
from tests.support.consents import SmallLedger, event
from tests.support.go import ask, require_go

PROGRAM = """
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Vkey, Note            string
	Size, Old             int64
	Leaf                  []byte
	Root, OldRoot         []byte
	Index                 int64
	Inclusion, Consistency [][]byte
}

func hash(b []byte) (h tlog.Hash) { copy(h[:], b); return }

func hashes(bs [][]byte) (hs []tlog.Hash) {
	for _, b := range bs {
		hs = append(hs, hash(b))
	}
	return
}

func check(what string, err error) {
	if err != nil {
		fmt.Println(what, err)
		os.Exit(1)
	}
}

func main() {
	var q question
	check("json", json.NewDecoder(os.Stdin).Decode(&q))
	verifier, err := note.NewVerifier(q.Vkey)
	check("vkey", err)
	opened, err := note.Open([]byte(q.Note), note.VerifierList(verifier))
	check("note", err)
	check("inclusion", tlog.CheckRecord(
		hashes(q.Inclusion), q.Size, hash(q.Root), q.Index, tlog.RecordHash(q.Leaf)))
	check("consistency", tlog.CheckTree(
		hashes(q.Consistency), q.Size, hash(q.Root), q.Old, hash(q.OldRoot)))
	fmt.Printf("ok %d signatures %d unverified", len(opened.Sigs), len(opened.UnverifiedSigs))
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_go()
    return tmp_path_factory.mktemp("go")


def question(size: int, old: int, index: int) -> dict[str, object]:
    ledger = SmallLedger()
    for _ in range(size):
        ledger.append(event())

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return {
        "Vkey": ledger.log.vkey,
        "Note": ledger.checkpoint(),
        "Size": size,
        "Old": old,
        "Index": index,
        "Leaf": text(ledger.sealed[index].leaf),
        "Root": text(ledger.tree.root()),
        "OldRoot": text(ledger.tree.root(old)),
        "Inclusion": [text(h) for h in ledger.tree.inclusion_proof(index, size)],
        "Consistency": [text(h) for h in ledger.tree.consistency_proof(old, size)],
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "old", "index"),
    [(1, 1, 0), (2, 1, 1), (7, 4, 6), (13, 6, 9), (33, 32, 32), (64, 63, 5)],
)
def test_go_accepts_what_we_made(folder: Path, size: int, old: int, index: int) -> None:
    assert ask(folder, PROGRAM, question(size, old, index)) == "ok 1 signatures 2 unverified"


@pytest.mark.slow
def test_go_refuses_what_we_did_not_make(folder: Path) -> None:
    honest = question(13, 6, 9)
    other = LogSigner("accord.example/brand", b"\x09" * 32)
    for change, complaint in (
        ({"Index": 8}, "inclusion"),
        ({"Old": 5}, "consistency"),
        ({"Vkey": other.vkey}, "note"),
        ({"Root": honest["OldRoot"]}, "inclusion"),
    ):
        assert ask(folder, PROGRAM, honest | change).startswith(complaint)
