"""Pinned runs: the wire format of a protocol's name never changes.

`test_the_vectors_follow_from_the_specification` is a second implementation, block by block and bit
by bit, of what `docs/spec/psi-ot.md` says.
"""

import hashlib
import json
import math

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl import bindings

from tests.support.psi_ot_vectors import FILES, computed, pinned

scalar_from = bindings.crypto_core_ed25519_scalar_reduce
times_base = bindings.crypto_scalarmult_ed25519_base_noclamp
times = bindings.crypto_scalarmult_ed25519_noclamp


@pytest.mark.parametrize("name", sorted(FILES))
def test_runs_give_the_pinned_messages(name):
    assert computed(name) == json.loads(FILES[name].read_text())


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def both(a: bytes, b: bytes) -> bytes:
    return bytes(x & y for x, y in zip(a, b, strict=True))


def draw(run: dict, role: str, number: int, size: int) -> bytes:
    seed = f"{run['title']}/{role}".encode() + b"\x00" + number.to_bytes(8, "big")
    return hashlib.shake_256(seed).digest(size)


def order(seed: bytes, n: int) -> list[int]:
    """Return the numbers below n, sorted by 64-bit words of AES-256 in counter mode."""
    stream = b"".join(aes(seed, i.to_bytes(16, "big")) for i in range(n))
    return sorted(range(n), key=lambda i: int.from_bytes(stream[8 * i : 8 * i + 8], "little"))


def room(n: int, buckets: int) -> int:
    if buckets == 1:
        return n
    mean, log = -(-n // buckets), 30 + (buckets - 1).bit_length()
    more = log // 3 + math.isqrt(log * log // 9 + 1 + 2 * log * mean) + 4
    return min(n, mean + more)


def matrix(keys: list[bytes], bucket: int, rows: int) -> list[bytes]:
    """Return rows of 56 bytes: bit c of row r is bit r of the key stream of key c."""
    nonce = bucket.to_bytes(4, "big") + bytes(12)
    streams = [
        Cipher(algorithms.AES(key), modes.CTR(nonce)).encryptor().update(bytes(-(-rows // 8)))
        for key in keys
    ]
    return [
        bytes(
            sum((streams[8 * byte + i][r // 8] >> r % 8 & 1) << i for i in range(8))
            for byte in range(56)
        )
        for r in range(rows)
    ]


class Specified:
    """What both sides compute alike, once the openings are said."""

    def __init__(self, run: dict, session: bytes) -> None:
        self.run, self.session = run, session
        self.sizes = len(run["receiver_items"]), len(run["sender_items"])
        self.buckets = -(-max(self.sizes) // run["bucket_items"]) if all(self.sizes) else 0

    def key(self, purpose: str, *numbers: int, salt: bytes = b"") -> bytes:
        said = b"".join(n.to_bytes(8, "big") for n in numbers)
        return sha(b"accord/ot-key/1\x00", self.session, purpose.encode(), b"\x00", said, salt)[:16]

    def in_bucket(self, items: list[str], bucket: int) -> dict[int, bytes]:
        """Return position and block of the items in a bucket."""
        found, key = {}, self.key("item")
        for i, digest in enumerate(map(bytes.fromhex, items)):
            block = aes(key, xor(aes(key, digest[:16]), digest[16:]))
            if int.from_bytes(block[12:], "little") * self.buckets >> 32 == bucket:
                found[i] = block
        return found

    def bins(self, block: bytes, bucket: int, salt: bytes) -> list[int]:
        hashed = aes(self.key("bins", bucket, salt=salt), block)
        low, high = (int.from_bytes(part, "little") for part in (hashed[:8], hashed[8:]))
        left = list(range(self.count))
        numbers = low % 2**40, high % 2**40, low >> 40 | (high >> 40) % 2**16 << 24
        return [left.pop(number * len(left) >> 40) for number in numbers]

    @property
    def count(self) -> int:
        return -(-13 * room(self.sizes[0], self.buckets) // 10) + 512

    def word(self, block: bytes) -> bytes:
        return b"".join(aes(self.key("code", g), block) for g in range(4))[:56]

    def value(self, row: bytes, bucket: int, bin_: int, number: int, label: bytes) -> bytes:
        tag = self.hashed(row, bucket, bin_, 4 * bin_ + number)[: self.run["tag_bytes"]]
        pad = self.hashed(row, bucket, bin_, 2**63 + 4 * bin_ + number)[: len(label)]
        return tag + xor(pad, label)

    def hashed(self, row: bytes, bucket: int, bin_: int, tweak: int) -> bytes:
        key = self.key("hash", bucket, bin_ // 4096)
        chain = aes(key, xor(aes(key, xor(aes(key, row[:16]), row[16:32])), row[32:48]))
        v = xor(chain, row[48:] + tweak.to_bytes(8, "little"))
        return xor(aes(key, v), v)


def messages(run: dict) -> tuple[list[list], list[list]]:
    """Return what receiver and sender say, from the items, the draws and the placing."""
    ctx = bytes.fromhex(run["ctx"])
    params = ["psi-ot-params/1", *(run[p] for p in PARAMS)]

    def opening(role: str, total: int, points: bytes) -> list:
        said = cbor2.dumps(params, canonical=True)
        check = sha(b"accord/psi-ot-opening/1\x00", role.encode(), ctx, said)
        return ["psi-ot-opening/1", check, total, points]

    a = scalar_from(draw(run, "initiator", 0, 64))
    given = times_base(a)
    secret, seeds = draw(run, "responder", 0, 56), draw(run, "responder", 1, 64 * 448)
    zeros, ones, chosen, points = [], [], [], []
    for i in range(448):
        b, bit = scalar_from(seeds[64 * i : 64 * i + 64]), secret[i // 8] >> i % 8 & 1
        point = times_base(b)
        if bit:
            point = bindings.crypto_core_ed25519_add(point, given)
        points.append(point)
        shared = times(a, point)
        other = bindings.crypto_core_ed25519_sub(shared, times(a, given))
        said = b"accord/base-ot/1\x00" + ctx + i.to_bytes(4, "big") + given + point
        zeros.append(sha(said, shared)[:16])
        ones.append(sha(said, other)[:16])
        chosen.append(sha(said, times(b, given))[:16])
        assert chosen[i] == (zeros, ones)[bit][i]
    session = sha(b"accord/psi-ot-session/1\x00", ctx, given, *points)
    both_know = Specified(run, session)
    said = [opening("initiator", both_know.sizes[0], given)]
    answered = [opening("responder", both_know.sizes[1], b"".join(points))]
    draws = 2
    for bucket in range(both_know.buckets):
        salt = draw(run, "initiator", 1 + bucket, 16)
        said.append(["psi-ot-bucket/1", bucket, salt])
        mine = both_know.in_bucket(run["receiver_items"], bucket)
        placed = {int(bin_): item for bin_, item in run["placed"][bucket].items()}
        assert sorted(placed.values()) == sorted(mine)
        assert all(b in both_know.bins(mine[i], bucket, salt) for b, i in placed.items())
        count = both_know.count
        t, other = matrix(zeros, bucket, count), matrix(ones, bucket, count)
        empty = bytes(16)
        words = [both_know.word(mine.get(placed.get(j, -1), empty)) for j in range(count)]
        u = [xor(xor(t[j], other[j]), words[j]) for j in range(count)]
        data = b"".join(row[s] for s in PARTS for row in u)
        said.append(["psi-ot-correction/1", bucket, 0, data])
        q = [xor(row, both(u[j], secret)) for j, row in enumerate(matrix(chosen, bucket, count))]
        theirs = both_know.in_bucket(run["sender_items"], bucket)
        size = room(both_know.sizes[1], both_know.buckets)
        each = run["tag_bytes"] + run["label_bytes"]
        places, values = list(range(size)), [b""] * (3 * size)
        if len(theirs) < size:
            places = order(draw(run, "responder", draws, 32), size)
            fill = draw(run, "responder", draws + 1, 3 * size * each)
            values = [fill[each * i : each * (i + 1)] for i in range(3 * size)]
            draws += 2
        for place, (item, y) in zip(places, theirs.items(), strict=False):
            label = bytes.fromhex(run["sender_labels"][item])
            for h, j in enumerate(both_know.bins(y, bucket, salt)):
                row = xor(q[j], both(both_know.word(y), secret))
                values[h * size + place] = both_know.value(row, bucket, j, h, label)
        step = run["chunk_items"]
        for index, low in enumerate(range(0, size, step)):
            high = min(low + step, size)
            part = b"".join(v for h in range(3) for v in values[h * size + low : h * size + high])
            answered.append(["psi-ot-values/1", bucket, index, part])
    return [*said, ["psi-ot-done/1"]], answered


PARAMS = ("max_items", "chunk_items", "tag_bytes", "chunk_rows", "bucket_items", "label_bytes")
PARTS = [slice(0, 16), slice(16, 32), slice(32, 48), slice(48, 56)]


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_vectors_follow_from_the_specification(name):
    for run in json.loads(FILES[name].read_text())["runs"]:
        said, answered = messages(run)
        assert [pinned(cbor2.dumps(m, canonical=True)) for m in said] == run["receiver_messages"]
        assert [pinned(cbor2.dumps(m, canonical=True)) for m in answered] == run["sender_messages"]
        labels = dict(zip(run["sender_items"], run["sender_labels"], strict=True))
        matched = [i for i, d in enumerate(run["receiver_items"]) if d in labels]
        assert run["matched"] == matched
        assert run["labels"] == "".join(labels[run["receiver_items"][i]] for i in matched)
