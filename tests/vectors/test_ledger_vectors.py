"""Known answers: other people's for trees, notes and thumbprints, our own for entries and sets."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from consent.checkpoint import checkpoint_of
from consent.compact_range import CompactRange
from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import LedgerInconsistent
from consent.jws import key_thumbprint
from consent.ledger import SubjectKeys, open_entry, open_payload, seal_entry
from consent.merkle import (
    EMPTY_ROOT,
    HashTree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from consent.note import KeyType, Note, Signature, Signer, parse_note, parse_vkey, verify_note
from consent.projection import commit_set
from consent.records import payload_bytes
from consent.tiled_tree import TiledTree

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "ledger.json").read_text(encoding="utf-8")
)
TRANSPARENCY_DEV = Path(__file__).parents[3] / "shared" / "vectors" / "rfc6962.json"


def test_the_classic_tree_has_its_roots() -> None:
    tree, compact, tiled = HashTree(), CompactRange(), TiledTree(lambda *_: b"")
    assert VECTORS["tree"]["empty"] == EMPTY_ROOT.hex()
    for leaf, root in zip(VECTORS["tree"]["leaves"], VECTORS["tree"]["roots"], strict=True):
        tree.append(leaf_hash(bytes.fromhex(leaf)))
        compact.append(leaf_hash(bytes.fromhex(leaf)))
        tiled.append(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == compact.root().hex() == tiled.root().hex() == root


def test_leaf_and_node_hashes() -> None:
    assert leaf_hash(b"L123456").hex() == VECTORS["tree"]["leaf_L123456"]
    assert node_hash(b"N123", b"N456").hex() == VECTORS["tree"]["node_N123_N456"]


def test_the_signed_note_of_the_go_library_verifies() -> None:
    vector = VECTORS["note"]
    key = parse_vkey(vector["vkey"])
    blob = base64.b64decode(vector["signature"])
    note = Note(vector["text"], (Signature(key.name, blob[:4], blob[4:]),))
    assert verify_note(parse_note(note.encode()), [key])[0].verifier == key
    assert key.vkey == vector["vkey"]


def test_the_cosigned_checkpoint_of_the_specification_is_read() -> None:
    vector = VECTORS["cosigned"]
    assert checkpoint_of(vector["note"]).size == vector["size"]
    note = parse_note(vector["note"])
    assert note.encode() == vector["note"]
    cosignature = note.signatures[1]
    assert len(cosignature.key_id + cosignature.blob) == vector["blob_bytes"]
    assert int.from_bytes(cosignature.blob[:8], "big") == vector["seconds"]


def test_the_thumbprint_of_rfc_8037() -> None:
    vector = VECTORS["thumbprint"]
    assert key_thumbprint(base64.urlsafe_b64decode(vector["x"] + "=")) == vector["kid"]


def test_an_entry_is_sealed_to_these_bytes_and_opens() -> None:
    vector = VECTORS["entry"]
    keys = SubjectKeys(bytes.fromhex(vector["tag_key"]), bytes.fromhex(vector["data_key"]))
    drawn = bytes.fromhex(vector["random"])
    record = open_payload(
        vector["leaf"].encode(), salt=drawn[:32], payload=vector["payload"].encode()
    )
    sealed = seal_entry(
        record,
        controller=vector["controller"],
        keys=keys,
        recorded_at_ms=vector["recorded_at_ms"],
        rng=lambda size: drawn[:size],
    )
    assert sealed.entry_id == vector["entry_id"]
    assert sealed.leaf.decode() == vector["leaf"]
    assert sealed.leaf_hash.hex() == vector["leaf_hash"]
    assert sealed.ciphertext.hex() == vector["ciphertext"]
    opened = open_entry(
        sealed.leaf,
        salt=sealed.salt,
        nonce=sealed.nonce,
        ciphertext=sealed.ciphertext,
        keys=keys,
        controller=vector["controller"],
    )
    assert payload_bytes(opened).decode() == vector["payload"]


def test_a_cosignature_is_these_bytes() -> None:
    vector = VECTORS["cosignature"]
    seed = bytes.fromhex(vector["seed"])
    witness = Signer(vector["name"], seed, KeyType.ED25519_COSIGNATURE)
    assert witness.verifier.vkey == vector["vkey"]
    assert witness.sign(vector["text"], vector["seconds"]).line() == vector["line"]


def test_a_set_commitment_and_the_default_vocabulary_are_these() -> None:
    vector = VECTORS["set"]
    commitment = commit_set(BitMap(vector["members"]), bytes.fromhex(vector["salt"]))
    assert commitment.hex() == vector["commitment"]
    assert DEFAULT_VOCABULARY.digest().hex() == VECTORS["vocabulary"]["digest"]


def transparency_dev(group: str) -> dict[str, Any]:
    if not TRANSPARENCY_DEV.exists():
        pytest.skip("the vectors of transparency-dev/merkle do not stand beside the project")
    found: dict[str, Any] = json.loads(TRANSPARENCY_DEV.read_text(encoding="utf-8"))[group]
    assert len(found) == 98
    return found


def hashes(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(v) for v in values or []]


def whole(root: bytes) -> bytes:
    """Some vectors have short texts for roots that do not matter; here a root has 32 bytes."""
    return root if len(root) == 32 else hashlib.sha256(root).digest()


def accepts(check: Any, *arguments: object) -> bool:
    try:
        check(*arguments)
    except LedgerInconsistent:
        return False
    return True


def test_the_98_inclusion_vectors_of_transparency_dev() -> None:
    wrong = [
        name
        for name, v in transparency_dev("inclusion").items()
        if accepts(
            verify_inclusion,
            *(*hashes([v["leafHash"]]), v["leafIdx"], v["treeSize"], hashes(v["proof"])),
            *hashes([v["root"]]),
        )
        == v["wantErr"]
    ]
    assert wrong == []


def test_the_98_consistency_vectors_of_transparency_dev() -> None:
    # They hold that consistency from nothing means nothing. C2SP witnesses want it with an empty
    # proof, as `verify_consistency` does; the one vector about that is told apart here.
    from_nothing = 0
    wrong = []
    for name, v in transparency_dev("consistency").items():
        roots = [whole(r) for r in hashes([v["root1"], v["root2"]])]
        arguments = v["size1"], v["size2"], hashes(v["proof"]), *roots
        if accepts(verify_consistency, *arguments) != v["wantErr"]:
            continue
        if v["size1"] == 0 and not v["proof"] and roots[0] == EMPTY_ROOT:
            from_nothing += 1
        else:
            wrong.append(name)
    assert wrong == []
    assert from_nothing == 1
