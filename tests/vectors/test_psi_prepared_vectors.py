"""Pinned runs of one epoch: the wire format of a protocol's name never changes.

`test_the_vectors_follow_from_the_specification` is a second implementation, of a page and a half.
"""

import hashlib
import json
import math

import cbor2
import pytest
from nacl.bindings import crypto_scalarmult

from tests.support.backends import BACKENDS
from tests.support.prepared_vectors import FILE, computed

P = 2**255 - 19
FOUND = json.loads(FILE.read_text())
T, CHUNK = FOUND["tag_bytes"], FOUND["chunk_items"]
KEY = bytes.fromhex(FOUND["key"])
EPOCH_CTX = hashlib.sha256(
    b"accord/psi-dh-prepared-epoch/1\x00"
    + bytes.fromhex(FOUND["scope"] + FOUND["epoch"])
    + bytes([T])
).digest()


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_give_the_pinned_messages(backend):
    assert computed(backend) == FOUND


def h(digest: str) -> bytes:
    seed = b"accord/hash-to-group/1\x00" + EPOCH_CTX + bytes.fromhex(digest) + b"\x00"
    row = bytearray(hashlib.sha256(seed).digest())
    row[31] &= 127
    return bytes(row)


def on_curve(point: bytes) -> bool:
    u = int.from_bytes(point, "little")
    return pow(u**3 + 486662 * u * u + u, (P - 1) // 2, P) == 1


def tag(point: bytes) -> bytes:
    return hashlib.sha256(b"accord/psi-dh-prepared-tag/1\x00" + EPOCH_CTX + point).digest()[:T]


def version(number: int, tags: set[bytes]) -> list:
    total = sum(int.from_bytes(t, "little") for t in tags) % 2**128
    data = EPOCH_CTX + number.to_bytes(8, "big") + len(tags).to_bytes(8, "big")
    data += total.to_bytes(16, "little")
    digest = hashlib.sha256(b"accord/prepared-set/1\x00" + data).digest()
    return ["set-version/1", number, digest]


def check(role: str) -> bytes:
    params = ["psi-dh-prepared-params/1", FOUND["max_items"], CHUNK, T]
    proof = b"accord/psi-dh-prepared-opening/1\x00" + role.encode() + bytes.fromhex(FOUND["ctx"])
    return hashlib.sha256(proof + cbor2.dumps(params, canonical=True)).digest()


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def parts(what: str, tags: set[bytes], first: int) -> list:
    """Return a difference's part as messages."""
    return [
        ["psi-dh-prepared-part/1", what, first + i, piece]
        for i, piece in enumerate(cut(b"".join(sorted(tags)), CHUNK * T))
    ]


def whole(tags: set[bytes]) -> list:
    bits = 0
    while len(tags) > CHUNK << bits:
        bits += 1
    return [
        ["psi-dh-prepared-part/1", "whole", i, b"".join(sorted(
            t for t in tags if int.from_bytes(t[:2], "big") >> (16 - bits) == i
        ))]
        for i in range(1 << bits)
    ]  # fmt: skip


def test_the_vectors_follow_from_the_specification():
    held: set[bytes] | None = None
    held_version = ["set-version/1", 0, None]
    number = -1
    for run in FOUND["runs"]:
        tags = {tag(crypto_scalarmult(KEY, h(d))) for d in run["sender_items"]}
        if tags != held:
            number += 1
        said, answered = (
            [cbor2.loads(bytes.fromhex(m)) for m in run[f"{side}_messages"]]
            for side in ("receiver", "sender")
        )
        mine = run["receiver_items"]
        assert said[0] == ["psi-dh-prepared-opening/1", check("initiator"), len(mine)]
        assert said[1][0] == "psi-dh-prepared-holding/1"
        assert said[1][1] == (b"" if held is None else bytes.fromhex(FOUND["epoch"]))
        if held is not None:
            assert said[1][2] == held_version
        gone, new = (set(), set()) if held is None else (held - tags, tags - held)
        assert answered[0] == [
            "psi-dh-prepared-offer/1", check("responder"), bytes.fromhex(FOUND["epoch"]),
            version(number, tags), len(tags), held is None, len(gone), len(new),
        ]  # fmt: skip
        removed = parts("removed", gone, 0)
        following = whole(tags) if held is None else removed + parts("added", new, len(removed))
        assert answered[1 : 1 + len(following)] == following
        held, held_version = tags, version(number, tags)

        chunks = cut("".join(mine).encode(), 64 * CHUNK)
        asked, replies = said[2:-1], answered[1 + len(following) :]
        assert len(asked) == len(replies) == len(chunks)
        for i, (question, reply) in enumerate(zip(asked, replies, strict=True)):
            digests = mine[i * CHUNK : (i + 1) * CHUNK]
            n = len(digests)
            room = min(n, n // 2 + math.isqrt(15 * n) + 1)
            assert question[:2] == ["psi-dh-prepared-asked/1", i]
            assert reply[:2] == ["psi-dh-prepared-answered/1", i]
            for place, side in ((2, "curve"), (3, "twist")):
                points = cut(question[place], 32)
                scalar = bytes.fromhex(run[f"receiver_{side}_scalar"])
                here = [h(d) for d in digests if on_curve(h(d)) == (side == "curve")]
                assert len(points) == room
                assert points[: len(here)] == [crypto_scalarmult(scalar, p) for p in here]
                assert all(on_curve(p) == (side == "curve") for p in points)
                assert cut(reply[place], 32) == [crypto_scalarmult(KEY, p) for p in points]
        assert said[-1] == ["psi-dh-prepared-done/1"]
        both = set(mine) & set(run["sender_items"])
        assert [mine[i] for i in run["matched"]] == [d for d in mine if d in both]
