"""Pinned runs of the ring protocols, and a second implementation of them of one page."""

import hashlib
import json
from functools import reduce

import cbor2
import pytest
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from tests.support.backends import BACKENDS
from tests.support.ring_vectors import FILES, computed
from tests.vectors.test_psi_dh_vectors import h

NAMES = sorted(FILES)
COUNT, MEMBERS = NAMES
PARAMS_KIND = {MEMBERS: "psi-params/1", COUNT: "psi-row-params/1"}
ROWS = {MEMBERS: [], COUNT: [1, 0]}
L = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_runs_give_the_pinned_messages(name, backend):
    assert computed(name, backend) == json.loads(FILES[name].read_text())


def through(point: bytes, *scalars: bytes) -> bytes:
    return reduce(lambda p, scalar: crypto_scalarmult(scalar, p), scalars, point)


def xor(*rows: bytes) -> bytes:
    return bytes(reduce(lambda a, b: a ^ b, column) for column in zip(*rows, strict=True))


def sha(label: str, *parts: bytes) -> bytes:
    return hashlib.sha256(label.encode() + b"\x00" + b"".join(parts)).digest()


def points(messages: list, owner: int) -> list[bytes]:
    data = b"".join(m[3] for m in messages if m[0] == "psi-ring-passed/1" and m[1] == owner)
    return [data[i : i + 32] for i in range(0, len(data), 32)]


@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_follow_from_the_specification(name):
    (run,) = json.loads(FILES[name].read_text())["runs"]
    run["strict"] = True
    in_order = list if "members" in name else sorted
    ctx, t, parties = bytes.fromhex(run["ctx"]), run["tag_bytes"], len(run["items"])
    senders = range(1, parties)
    blind, key, own = ([bytes.fromhex(d[i]) for d in run["draws"]] for i in range(3))
    said = {
        (i, j): [cbor2.loads(bytes.fromhex(m)) for to, m in run["messages"][i] if to == j]
        for i in range(parties)
        for j in range(parties)
    }

    params = [PARAMS_KIND[name], run["max_items"], run["chunk_items"], t, True, *ROWS[name]]
    public = [b"", *(crypto_scalarmult_base(own[i]) for i in senders)]
    for (i, j), messages in said.items():
        if i != j:
            who = f"{i} to {j} of {parties}".encode()
            proof = sha("accord/psi-ring-opening/1", who, ctx, cbor2.dumps(params))
            assert messages[0] == ["psi-ring-opening/1", proof, len(run["items"][i]), public[i]]

    hashed = [[h(run, digest) for digest in items] for items in run["items"]]
    # The receiver's list: 0, 1, 2, 0. A sender's list: itself, the other, itself.
    for i, j in ((0, 1), (1, 2), (2, 0)):
        due = [through(p, blind[0], *key[1 : i + 1]) for p in hashed[0]]
        assert in_order(points(said[i, j], 0)) == in_order(due)
    for i, j in ((1, 2), (2, 1)):
        assert points(said[i, j], i) == [through(p, blind[i]) for p in hashed[i]]
        due = [through(p, blind[i], key[j]) for p in hashed[i]]
        assert in_order(points(said[j, i], i)) == in_order(due)

    def name_of(point: bytes) -> bytes:
        return sha("accord/psi-ring-name/1", ctx, through(point, *key[1:]))

    pair = sha("accord/psi-ring-pair/1", ctx, bytes([1, 2]), through(public[1], own[2]))
    tables = {}
    for i in senders:
        data = b"".join(m[2] for m in said[i, 0] if m[0] == "psi-ring-table/1")
        tables[i] = data[:32], [data[at : at + t] for at in range(32, len(data), t)]

    def given(sender: int, named: bytes) -> bytes:
        salt, rows = tables[sender]
        label = b"accord/psi-ring-place/1\x00" + salt + bytes([sender])
        digest, third = hashlib.sha512(label + named).digest(), len(rows) // 3
        assert third == -(-13 * len(run["items"][sender]) // 30) + 128
        words = [int.from_bytes(digest[8 * w : 8 * w + 8], "little") for w in range(3)]
        places = [w * third + word % third for w, word in enumerate(words)]
        return xor(digest[24 : 24 + t], *(rows[place] for place in places))

    for i in senders:
        for point in hashed[i]:
            share = sha("accord/psi-ring-share/1", pair, name_of(point))[:t]
            assert given(i, name_of(point)) == share
    matched = [
        at
        for at, point in enumerate(hashed[0])
        if xor(*(given(i, name_of(point)) for i in senders)) == bytes(t)
    ]
    everybody = set.intersection(*map(set, run["items"]))
    assert [run["items"][0][i] for i in matched] == [
        digest for digest in run["items"][0] if digest in everybody
    ]
    assert run["count"] == len(matched) > 0
    assert run["matched"] == (matched if "members" in name else [])
    assert all(said[0, i][-1] == ["psi-ring-done/1"] for i in senders)
