"""Our notes, checkpoints and proofs, verified by Go's own library (golang.org/x/mod/sumdb).

That library reads notes and log signatures itself; the few lines that C2SP adds for a witness's
Ed25519 cosignature stand in the program below. ML-DSA-44 is not in Go's library yet: there such a
cosignature must be what an unknown one is, ignored.

Needs Go and Debian's golang-golang-x-mod-dev; says so and skips without them. No network is used.
"""

import base64
import contextlib
from pathlib import Path

import pytest

from consent.checkpoint import LogSigner, with_cosignatures
from consent.note import parse_vkey
from consent.policy import parse_policy, write_policy
from consent.witness import add_checkpoint_request
from tests.support.consents import SmallLedger, event
from tests.support.go import ask, require_go
from tests.support.witness import running_witness

PROGRAM = """
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Vkey, Note            string
	Witnesses             []string
	Size, Old             int64
	Leaf                  []byte
	Root, OldRoot         []byte
	Index                 int64
	Inclusion, Consistency [][]byte
}

// A witness verifies C2SP cosignature/v1 (type 0x04): eight bytes of time, then the signature.
type witness struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.id }

func (w witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\\ntime %d\\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(w.key, append([]byte(head), text...), sig[8:])
}

func newWitness(vkey string) (note.Verifier, error) {
	part := strings.SplitN(vkey, "+", 3)
	if len(part) != 3 {
		return nil, errors.New("no vkey")
	}
	key, err := base64.StdEncoding.DecodeString(part[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("no key that cosigns with Ed25519")
	}
	sum := sha256.Sum256(append([]byte(part[0]+"\\n"), key...))
	if fmt.Sprintf("%x", sum[:4]) != part[1] {
		return nil, errors.New("another key id")
	}
	return witness{part[0], binary.BigEndian.Uint32(sum[:4]), key[1:]}, nil
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
	known := []note.Verifier{verifier}
	for _, vkey := range q.Witnesses {
		w, err := newWitness(vkey)
		check("witness", err)
		known = append(known, w)
	}
	opened, err := note.Open([]byte(q.Note), note.VerifierList(known...))
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


@pytest.mark.slow
def test_go_accepts_what_several_witnesses_cosigned(folder: Path, tmp_path: Path) -> None:
    """Each witness answers over HTTP; the note with all of their lines is what Go opens."""
    asked = question(13, 6, 9)
    note, worlds = SmallLedger().log.sign(13, base64.b64decode(str(asked["Root"]))), {}
    with contextlib.ExitStack() as stack:
        for name, kind in (("w1", "ed25519"), ("w2", "ed25519"), ("w3", "ml-dsa-44")):
            settings = {"name": f"witness.example/{name}", "key_type": kind}
            world = stack.enter_context(running_witness(tmp_path / name, **settings))
            world.trust(str(asked["Vkey"]))
            answer = world.post(add_checkpoint_request(0, (), str(asked["Note"])))
            assert answer.status_code == 200, answer.text
            note, worlds[name] = with_cosignatures(note, answer.text), world
        keys = {name: world.verifier for name, world in worlds.items()}
    first, second, third = keys["w1"].vkey, keys["w2"].vkey, keys["w3"].vkey
    with_all = asked | {"Note": note}
    assert ask(folder, PROGRAM, with_all | {"Witnesses": [first, second]}) == (
        "ok 3 signatures 1 unverified"
    )
    assert (
        ask(folder, PROGRAM, with_all | {"Witnesses": [second]}) == "ok 2 signatures 2 unverified"
    )
    assert ask(folder, PROGRAM, with_all) == "ok 1 signatures 3 unverified"
    assert ask(folder, PROGRAM, with_all | {"Witnesses": [third]}).startswith("witness")
    policy = parse_policy(write_policy([parse_vkey(str(asked["Vkey"]))], keys, 3))
    assert policy.open(note).size == 13, "and here all three verify"


@pytest.mark.slow
def test_go_refuses_a_cosignature_that_is_wrong(folder: Path) -> None:
    ledger = SmallLedger()
    asked = question(13, 6, 9)
    key = ledger.witnesses["auditor"].vkey
    honest = asked | {"Witnesses": [key]}
    assert ask(folder, PROGRAM, honest) == "ok 2 signatures 1 unverified"
    lines = str(asked["Note"]).split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("— witness.example/auditor"))
    dash, _, encoded = lines[at].rpartition(" ")
    blob = bytearray(base64.b64decode(encoded))
    for place in (4, 20, -1):
        changed = bytearray(blob)
        changed[place] ^= 1
        lines[at] = f"{dash} {base64.b64encode(changed).decode()}"
        assert ask(folder, PROGRAM, honest | {"Note": "\n".join(lines)}).startswith("note")
