"""Pinned runs: the wire format of a protocol's name never changes.

The files hold everything that an independent implementation needs: items, scalars, every message.
`test_the_vectors_follow_from_the_specification` is such an implementation, of one page.
"""

import hashlib
import json

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl.bindings import crypto_scalarmult

from tests.support.backends import BACKENDS
from tests.support.psi_vectors import FILES, computed

NAMES = sorted(FILES)
P = 2**255 - 19


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_runs_give_the_pinned_messages(name, backend):
    assert computed(name, backend) == json.loads(FILES[name].read_text())


def h(run: dict, digest: str) -> bytes:
    for counter in range(256):
        seed = b"accord/hash-to-group/1\x00" + bytes.fromhex(run["ctx"] + digest) + bytes([counter])
        row = bytearray(hashlib.sha256(seed).digest())
        row[31] &= 127
        u = int.from_bytes(row, "little")
        if not run["strict"] or pow(u**3 + 486662 * u * u + u, (P - 1) // 2, P) == 1:
            return bytes(row)
    raise AssertionError


def order(seed: str, n: int, width: int) -> list[int]:
    """Return the numbers below n, rows of `width`, in the order that 64-bit words of AES-256 in
    counter mode give: one word for each row, then one for each item within its row.
    """
    aes = Cipher(algorithms.AES256(bytes.fromhex(seed)), modes.ECB()).encryptor()
    stream = b"".join(aes.update(i.to_bytes(16, "big")) for i in range(2 * n))
    words = [int.from_bytes(stream[i : i + 8], "little") for i in range(0, len(stream), 8)]
    count = n // width
    rows = sorted(range(count), key=lambda row: words[row])
    items = [range(row * width, row * width + width) for row in range(count)]
    keys = words[count:]
    return [i for row in rows for i in sorted(items[row], key=lambda i: keys[i])]


def messages(run: dict, side: str) -> list:
    return [cbor2.loads(bytes.fromhex(m)) for m in run[f"{side}_messages"]]


def joined(found: list, kind: str, size: int) -> list[bytes]:
    data = b"".join(m[-1] for m in found if m[0] == kind)
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_follow_from_the_specification(name):
    for run in json.loads(FILES[name].read_text())["runs"]:
        a, b = bytes.fromhex(run["receiver_scalar"]), bytes.fromhex(run["sender_scalar"])
        mine = [h(run, digest) for digest in run["receiver_items"]]
        theirs = [h(run, digest) for digest in run["sender_items"]]
        t = run["tag_bytes"]
        said, answered = messages(run, "receiver"), messages(run, "sender")

        width = run.get("per_person", 1)
        params = [run["max_items"], run["chunk_items"], t, run["strict"]]
        if "cardinality" in name:
            params = ["psi-row-params/1", *params, width, 0]
        else:
            params = ["psi-params/1", *params]
        for role, opening, total in (
            ("initiator", said[0], len(mine)),
            ("responder", answered[0], len(theirs)),
        ):
            proof = b"accord/psi-dh-opening/1\x00" + role.encode() + bytes.fromhex(run["ctx"])
            check = hashlib.sha256(proof + cbor2.dumps(params, canonical=True)).digest()
            assert opening == ["psi-dh-opening/1", check, total]
        assert said[-1] == ["psi-dh-done/1"]

        blinded = joined(said, "psi-dh-blinded/1", 32)
        assert blinded == [crypto_scalarmult(a, point) for point in mine]
        assert joined(answered, "psi-dh-blinded/1", 32) == [crypto_scalarmult(b, q) for q in theirs]
        tags = joined(answered, "psi-dh-evaluated/1", t)
        in_order = [crypto_scalarmult(b, point)[:t] for point in blinded]
        seed = run["sender_shuffle_seed"]
        assert tags == ([in_order[i] for i in order(seed, len(mine), width)] if seed else in_order)
        assert bool(seed) == ("cardinality" in name)

        both = set(run["receiver_items"]) & set(run["sender_items"])
        matched = {i // width for i, digest in enumerate(run["receiver_items"]) if digest in both}
        assert run["count"] == len(matched)
        if "members" in name:
            assert [run["receiver_items"][i] for i in run["matched"]] == [
                digest for digest in run["receiver_items"] if digest in both
            ]
